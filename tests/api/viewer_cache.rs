//! The viewer cache: most requests read their viewer from memory, which is never behind committed changes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use gatehouse::storage::ViewerCacheCounts;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, PROXY, Postgres, SignedIn, Sqlite, TestApp,
    process::{gatehouse, output},
};

const BELIEVING: (&str, &str) = ("VIEWER_CACHE_STALENESS", "60s");

/// Starts a server with a viewer cache. On PostgreSQL the cache works only once notifications arrive.
async fn start(database: Database, settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::with(database, &[settings, &[BELIEVING, ("RATE_LIMITS", "off")]].concat()).await;
    if database == Postgres {
        let probe = app.sign_up("probe@example.org").await;
        until_cached(&app, &probe.access_token).await;
    }
    app
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the condition does not become true");
}

/// Asks for the owner of a token until the response comes from the cache.
async fn until_cached(app: &TestApp, token: &str) {
    until(async || {
        let hits = counts(app).hits;
        assert!(app.me(token).await.contains('@'));
        counts(app).hits > hits
    })
    .await;
}

fn counts(app: &TestApp) -> ViewerCacheCounts {
    app.app.db.viewer_cache_counts()
}

const ME: &str = "{ me { email emailVerified username name bio role lastLoginAt sessions { id } } }";

async fn me(app: &TestApp, person: &SignedIn) -> Value {
    app.run_as(&person.access_token, ME, json!({})).await.body
}

/// Changes a user's bio through the API.
async fn set_bio(app: &TestApp, person: &SignedIn, bio: &str) {
    let update = "mutation($bio: String) { updateProfile(input: { bio: $bio }) { __typename } }";
    app.run_as(&person.access_token, update, json!({ "bio": bio })).await.data("updateProfile");
}

/// Sends two requests that change nothing. After them the user is cached, if the cache is enabled.
async fn warm(app: &TestApp, person: &SignedIn) -> Value {
    me(app, person).await;
    me(app, person).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_seen_before_takes_no_statement(#[values(Sqlite, Postgres)] database: Database) {
    let app = start(database, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    app.me(&ada.access_token).await;
    until(async || {
        let before = (app.app.db.statements().count, counts(&app).hits);
        assert_eq!(app.me(&ada.access_token).await, EMAIL);
        (app.app.db.statements().count, counts(&app).hits) == (before.0, before.1 + 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_nothing_is_cached_unless_enabled() {
    let app = TestApp::start(Postgres).await;
    let ada = app.sign_up(EMAIL).await;
    for _ in 0..5 {
        assert_eq!(app.me(&ada.access_token).await, EMAIL);
    }
    assert_eq!(counts(&app), ViewerCacheCounts::default());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_change_applies_to_the_next_request_and_evicts_nobody_else(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = start(database, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let root = if database == Postgres {
        // the role was set without the server's knowledge, so only a session that is not cached shows it
        app.sign_in("root@example.org").await
    } else {
        root
    };
    let bystander = app.sign_up("grace@example.org").await;
    warm(&app, &bystander).await;

    for number in 0..20 {
        warm(&app, &ada).await;
        let bio = format!("the {number}th");
        set_bio(&app, &ada, &bio).await;
        assert_eq!(me(&app, &ada).await["data"]["me"]["bio"], bio);
    }
    let administer = async |operation: &str| {
        warm(&app, &ada).await;
        let done = app.run_as(&root.access_token, operation, json!({})).await;
        assert!(done.body["errors"].is_null(), "{}", done.text);
    };
    let id = &ada.user_id;
    administer(&format!(r#"mutation {{ setUserRole(id: "{id}", role: STAFF) {{ __typename }} }}"#)).await;
    assert_eq!(me(&app, &ada).await["data"]["me"]["role"], "STAFF");

    let second = app.sign_in(EMAIL).await;
    assert_eq!(me(&app, &ada).await["data"]["me"]["sessions"].as_array().unwrap().len(), 2);
    let login = warm(&app, &second).await["data"]["me"]["lastLoginAt"].clone();
    app.advance(Duration::from_secs(5));
    app.sign_in(EMAIL).await;
    assert_ne!(me(&app, &second).await["data"]["me"]["lastLoginAt"], login);

    warm(&app, &second).await;
    let revoke =
        format!(r#"mutation {{ revokeSession(id: "{}") {{ endedSessionIds }} }}"#, second.session_id);
    app.run_as(&ada.access_token, &revoke, json!({})).await.data("revokeSession");
    assert_eq!(app.me(&second.access_token).await, "REVOKED");

    let third = app.sign_in(EMAIL).await;
    warm(&app, &third).await;
    let change = "mutation($old: String!) { changePassword(input: { currentPassword: $old, newPassword: \"battery staple horse\" }) { __typename } }";
    let changed = app.run_as(&ada.access_token, change, json!({ "old": PASSWORD })).await;
    assert!(changed.body["errors"].is_null(), "{}", changed.text);
    assert_eq!(app.me(&third.access_token).await, "REVOKED");

    let refreshed = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    warm(&app, &refreshed).await;
    assert_eq!(SignedIn::from(&app.refresh(&refreshed.refresh_token).await).session_id, ada.session_id);
    administer(&format!(r#"mutation {{ setUserActive(id: "{id}", active: false) {{ __typename }} }}"#)).await;
    assert_eq!(app.me(&refreshed.access_token).await, "REVOKED");

    warm(&app, &root).await;
    app.run_as(&root.access_token, "mutation { logout { endedSessionIds } }", json!({})).await.data("logout");
    assert_eq!(app.me(&root.access_token).await, "REVOKED");

    let before = counts(&app);
    assert_eq!(app.me(&bystander.access_token).await, "grace@example.org");
    if database == Postgres {
        // on SQLite the role set without the server's knowledge has cleared the cache
        assert_eq!(counts(&app).misses, before.misses);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_other_processes_apply_to_the_next_request() {
    let app = start(Sqlite, &[NO_VERIFICATION]).await;
    let other = app.another(&[]).await;
    let ada = app.sign_up(EMAIL).await;
    for number in 0..60 {
        warm(&app, &ada).await;
        let bio = format!("the {number}th");
        match number % 3 {
            0 => app.sql(&format!("UPDATE users SET bio = '{bio}' WHERE email = '{EMAIL}'")).await,
            1 => set_bio(&other, &ada, &bio).await,
            // both write: the server must distinguish its own commits from those of others
            _ => {
                let email = format!("{number}@example.org");
                let own = app.sign_up(&email);
                let behind = format!("UPDATE users SET bio = '{bio}' WHERE email = '{EMAIL}'");
                futures_util::future::join(own, app.sql(&behind)).await;
            }
        }
        // requests at the same time use several of the connections that notice writes
        for answer in join_all((0..8).map(|_| me(&app, &ada))).await {
            assert_eq!(answer["data"]["me"]["bio"], bio, "{number}");
        }
    }
    assert!(counts(&app).hits > 0);
    app.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await.data("logout");
    assert_eq!(other.me(&ada.access_token).await, "REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_another_process_makes_the_next_request_read_the_database() {
    let app = start(Sqlite, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    until(async || {
        let hits = counts(&app).hits;
        warm(&app, &ada).await;
        counts(&app).hits > hits + 1
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let settings = ["DATABASE_URL", "ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS"];
    let settings = settings.map(|name| (name, app.settings[name].as_str()));
    let create = ["create-superuser", "--email", "root@example.org", "--password-stdin"];
    let created = output(gatehouse(folder.path(), &create, &settings), &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let before = counts(&app);
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    assert_eq!(counts(&app), ViewerCacheCounts { misses: before.misses + 1, sessions: 1, ..before });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_request_sees_its_own_users_earlier_changes(#[values(Sqlite, Postgres)] database: Database) {
    let app = start(database, &[NO_VERIFICATION]).await;
    let people = [EMAIL, "grace@example.org", "edsger@example.org"];
    let people = join_all(people.map(|email| app.sign_up(email))).await;
    let is_over = AtomicBool::new(false);
    let (app, is_over) = (&app, &is_over);
    // the reads fill the cache at any moment, even while a row is being removed from it
    let reading = people.iter().flat_map(|person| std::iter::repeat_n(person, 4)).map(async |person| {
        while !is_over.load(Ordering::Relaxed) {
            assert!(me(app, person).await["errors"].is_null());
        }
    });
    let writing = async {
        join_all(people.iter().map(async |person| {
            for number in 0..100 {
                let bio = number.to_string();
                set_bio(app, person, &bio).await;
                assert_eq!(me(app, person).await["data"]["me"]["bio"], bio);
            }
        }))
        .await;
        is_over.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(join_all(reading), writing).await;
    assert!(counts(app).hits > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_changes_by_other_servers_apply_soon_or_within_a_bound() {
    let app = start(Postgres, &[NO_VERIFICATION]).await;
    let other = app.another(&[BELIEVING]).await;
    let ada = app.sign_up(EMAIL).await;
    until_cached(&other, &ada.access_token).await;
    app.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await.data("logout");
    until(async || other.me(&ada.access_token).await == "REVOKED").await;

    let brief = app.another(&[("VIEWER_CACHE_STALENESS", "200ms")]).await;
    let ada = app.sign_in(EMAIL).await;
    until_cached(&brief, &ada.access_token).await;
    app.sql("UPDATE users SET bio = 'told nobody'").await;
    until(async || me(&brief, &ada).await["data"]["me"]["bio"] == "told nobody").await;
}

/// The cached row is older than the pair that another server invalidated: the row in the database decides.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_invalidated_access_token_ends_the_session_despite_the_cache(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = start(database, &[NO_VERIFICATION, PROXY]).await;
    let other = app.another(&[("VIEWER_CACHE_SIZE", "0")]).await;
    let ada = app.sign_up(EMAIL).await;
    let thief = SignedIn::from(&other.refresh_from(("203.0.113.66", "a script"), &ada.refresh_token).await);
    until_cached(&app, &ada.access_token).await;
    other.advance(Duration::from_secs(30));
    let owner = SignedIn::from(&other.refresh_from(("198.51.100.7", "a browser"), &ada.refresh_token).await);
    assert_ne!(owner.refresh_token, thief.refresh_token);
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    assert_eq!(app.me(&owner.access_token).await, "REVOKED", "the session ended on this server at once");
    assert_eq!(other.me(&owner.access_token).await, "REVOKED", "the session ended on the other server");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_never_ends_a_session() {
    let app = start(Postgres, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let first = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    let second = SignedIn::from(&app.refresh(&first.refresh_token).await);
    let void = |to: u32| format!("UPDATE sessions SET voided_from = 1, voided_to = {to} WHERE counter = 2");
    app.sql(&void(2)).await;
    assert_eq!(app.me(&second.access_token).await, EMAIL);
    until_cached(&app, &second.access_token).await;
    app.sql(&void(1)).await;
    assert_eq!(
        app.me(&first.access_token).await,
        EMAIL,
        "invalid according to the cache, but valid in the database"
    );
    app.sql(&void(2)).await;
    assert_eq!(app.me(&first.access_token).await, "REVOKED");
}
