//! Followers of an account receive its events, whichever server causes them.

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    database::connect,
    google::{ada, id_token},
    node::{node, text},
    socket::{FOLLOW, Socket},
};

const NEW: &str = "battery horse correct";

async fn act(app: &TestApp, who: &SignedIn, mutation: &str) -> Value {
    let answer = app.run_as(&who.access_token, &format!("mutation {{ {mutation} }}"), json!({})).await;
    assert!(answer.body.get("errors").is_none(), "{}", answer.text);
    answer.body["data"].clone()
}

async fn events(socket: &mut Socket, expected: &[(&str, Option<&str>)]) {
    for (kind, session_id) in expected {
        assert_eq!(socket.event().await, ((*kind).to_owned(), session_id.map(str::to_owned)));
    }
    assert!(socket.is_silent().await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_an_account_is_sent_once(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("MAX_SESSIONS_PER_USER", "3")]).await;
    let ada = app.sign_up(EMAIL).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let mut here = app.follow(&ada).await;

    let there = app.sign_in(EMAIL).await;
    events(&mut here, &[("SESSION_STARTED", Some(&there.session_id))]).await;
    act(&app, &ada, "updateProfile(input: { name: \"Ada\" }) { __typename }").await;
    events(&mut here, &[("PROFILE_CHANGED", None)]).await;
    act(&app, &root, &format!("setUserRole(id: \"{}\", role: STAFF) {{ __typename }}", ada.user_id)).await;
    events(&mut here, &[("PROFILE_CHANGED", None)]).await;

    // the session continues after the first verification, and after the verification of a new address
    app.verify_as(&ada.access_token, EMAIL, &app.code(EMAIL).await, None).await;
    events(&mut here, &[("EMAIL_VERIFIED", None)]).await;
    let asked = app.change_email(&ada.access_token, "countess@example.org").await;
    let code = app.code("countess@example.org").await;
    app.verify_as(&ada.access_token, "countess@example.org", &code, Some(&asked["id"])).await;
    events(&mut here, &[("EMAIL_VERIFIED", None)]).await;

    // a sign-out, and a session ended by another
    app.run_as(&there.access_token, "mutation { logout { endedSessionIds } }", json!({})).await;
    events(&mut here, &[("SESSION_ENDED", Some(&there.session_id))]).await;
    let other = app.sign_in("countess@example.org").await;
    act(&app, &ada, &format!("revokeSession(id: \"{}\") {{ endedSessionIds }}", other.session_id)).await;
    let (id, started, ended) = (other.session_id.as_str(), "SESSION_STARTED", "SESSION_ENDED");
    events(&mut here, &[(started, Some(id)), (ended, Some(id))]).await;

    // the replay of a stolen token
    let robbed = app.sign_in("countess@example.org").await;
    let pair = SignedIn::from(&app.refresh(&robbed.refresh_token).await);
    app.me(&pair.access_token).await;
    app.advance(Duration::from_secs(31));
    assert_eq!(app.refresh(&robbed.refresh_token).await["code"], "INVALID_TOKEN");
    let id = robbed.session_id.as_str();
    events(&mut here, &[(started, Some(id)), (ended, Some(id))]).await;

    let last = app.sign_in("countess@example.org").await;
    let change = format!(
        "changePassword(input: {{ currentPassword: \"{PASSWORD}\", newPassword: \"{NEW}\" }}) {{ __typename }}"
    );
    act(&app, &ada, &change).await;
    let id = last.session_id.as_str();
    let expected = [(started, Some(id)), ("PASSWORD_CHANGED", None), (ended, Some(id))];
    events(&mut here, &expected).await;

    // refused changes and events of other accounts are not sent
    act(&app, &ada, "updateProfile(input: { avatarUrl: \"x\" }) { __typename }").await;
    app.login("countess@example.org", PASSWORD).await;
    app.sign_up("grace@example.org").await;
    assert!(here.is_silent().await);

    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(SignedIn::from(&app.login("countess@example.org", NEW).await).session_id);
    }
    for id in &ids[..2] {
        assert_eq!(here.event().await, (started.to_owned(), Some(id.clone())));
    }
    assert_eq!(here.event().await, (started.to_owned(), Some(ids[2].clone())));
    here.ends(&ada.session_id).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_however_the_session_ends(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    app.sign_up(EMAIL).await;
    for end in ["logout", "logoutAll", "revokeSession(id: $id)"] {
        let ada = app.sign_in(EMAIL).await;
        let (mut one, mut other) = (app.follow(&ada).await, app.follow(&ada).await);
        let end = end.replace("$id", &json!(ada.session_id).to_string());
        act(&app, &ada, &format!("{end} {{ endedSessionIds }}")).await;
        one.ends(&ada.session_id).await;
        other.ends(&ada.session_id).await;
        let mut late = app.open(&[]).await.unwrap();
        late.say(json!({ "type": "connection_init", "payload": { "accessToken": ada.access_token } })).await;
        assert_eq!(late.hear().await, json!({ "closed": 4403, "reason": "REVOKED" }));
    }

    let ada = app.sign_in(EMAIL).await;
    let mut reset = app.follow(&ada).await;
    app.request_reset(EMAIL).await;
    app.reset(&app.token(EMAIL).await, NEW).await;
    assert_eq!(reset.event().await.0, "PASSWORD_CHANGED");
    assert_eq!(reset.event().await.0, "EMAIL_VERIFIED", "the reset also verifies the address");
    reset.ends(&ada.session_id).await;

    let ada = SignedIn::from(&app.login(EMAIL, NEW).await);
    let mut shut_out = app.follow(&ada).await;
    act(&app, &root, &format!("setUserActive(id: \"{}\", active: false) {{ __typename }}", ada.user_id))
        .await;
    assert_eq!(shut_out.event().await.0, "PROFILE_CHANGED");
    shut_out.ends(&ada.session_id).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_other_way_to_sign_in_sends_an_event(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[NO_VERIFICATION]).await;
    let owner = app.sign_up(EMAIL).await;
    let mut here = app.follow(&owner).await;
    for _ in 0..2 {
        app.link_identity(&owner.access_token, id_token(&google, &ada())).await;
    }
    events(&mut here, &[("PROFILE_CHANGED", None)]).await;
    let there = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    events(&mut here, &[("SESSION_STARTED", Some(&there.session_id))]).await;
    for _ in 0..2 {
        app.unlink_identities(&owner.access_token).await;
    }
    events(&mut here, &[("PROFILE_CHANGED", None)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_on_one_server_ends_on_all_within_a_second() {
    let one = TestApp::start(Postgres).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    for _ in 0..5 {
        let there = other.sign_in(EMAIL).await;
        let mut stream = other.follow(&there).await;
        let mut own = one.follow(&ada).await;
        let begun = std::time::Instant::now();
        act(&one, &ada, &format!("revokeSession(id: \"{}\") {{ endedSessionIds }}", there.session_id)).await;
        stream.ends(&there.session_id).await;
        let seen = begun.elapsed();
        println!("seen by the other server after {seen:?}");
        assert!(
            seen < Duration::from_secs(5),
            "without a notification it would take half a minute: {seen:?}"
        );
        assert_eq!(own.event().await, ("SESSION_ENDED".to_owned(), Some(there.session_id.clone())));
        assert!(own.is_silent().await, "a server does not repeat its own notification");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_are_rolled_back_send_no_event() {
    for database in [Sqlite, Postgres] {
        let app = TestApp::start(database).await;
        let ada = app.sign_up(EMAIL).await;
        let mut stream = app.follow(&ada).await;
        let (id, now) = (ada.user_id.parse().unwrap(), gatehouse::storage::Timestamp(app.app.clock.now()));
        let rolled_back = app.app.db.write(async move |txn| {
            gatehouse::storage::session_end::end_all(&txn, id, now).await?;
            Err::<(), _>(sea_orm::DbErr::Custom("as it were".to_owned()))
        });
        assert!(rolled_back.await.is_err());
        assert_eq!(app.me(&ada.access_token).await, EMAIL);
        assert!(stream.is_silent().await);
        let committed = app
            .app
            .db
            .write_one(async move |txn| gatehouse::storage::session_end::end_all(&txn, id, now).await);
        committed.await.unwrap();
        assert_eq!(stream.event().await, ("SESSION_ENDED".to_owned(), Some(ada.session_id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_disconnected_finds_the_events_it_missed() {
    let app = TestApp::start(Postgres).await;
    let other = app.another(&[]).await;
    let ada = app.sign_up(EMAIL).await;
    let mut stream = app.follow(&ada).await;
    let sql = connect(&app.settings["DATABASE_URL"]).await;
    let deafen = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse events' AND datname = current_database()";
    for _ in 0..3 {
        sql.execute_unprepared(deafen).await.unwrap();
        let there = other.sign_in(EMAIL).await;
        act(&other, &there, "logout { endedSessionIds }").await;
    }
    sql.execute_unprepared(deafen).await.unwrap();
    act(&other, &ada, "logout { endedSessionIds }").await;
    while stream.event().await.1.as_ref() != Some(&ada.session_id) {}
    assert_eq!(stream.hear().await["type"], "complete");
    assert_eq!(stream.hear().await, json!({ "closed": 4403, "reason": "REVOKED" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_cannot_be_sent_over_http() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    assert_eq!(app.run(FOLLOW, json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.run_as(&ada.access_token, FOLLOW, json!({})).await.code(), "BAD_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_party_client_follows_events_across_token_expiry_until_the_session_ends() {
    let app = TestApp::with(Sqlite, &[("ACCESS_TOKEN_TTL", "2s"), NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let followed = node(&["follow.mjs", &format!("{}/graphql", app.url), &ada.refresh_token]);
    assert!(followed.status.success(), "{}", text(&followed.stderr));
    let seen: Value = serde_json::from_slice(&followed.stdout).unwrap();
    let expected = json!({
        "closes": [[4403, "EXPIRED"], [4403, "REVOKED"]],
        "kinds": ["PROFILE_CHANGED", "SESSION_ENDED"],
    });
    assert_eq!(seen, expected);
}
