//! `node` and `viewer`: what clients that cache by ID ask for.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp,
    google::{ada, id_token},
};

const NODE: &str = "query($id: ID!) { node(id: $id) { __typename id
    ... on User { email } ... on Session { ipAddress isCurrent } ... on Identity { providerId email } } }";

async fn node(app: &TestApp, viewer: &SignedIn, id: &str) -> Value {
    app.run_as(&viewer.access_token, NODE, json!({ "id": id })).await.data("node")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn node_finds_what_the_viewer_may_see_and_nothing_else(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let owner = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    let me = "{ me { id sessions { id } identities { id } } }";
    let me = app.run_as(&owner.access_token, me, json!({})).await.data("me");
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let (session, identity) = (id(&me["sessions"][0]), id(&me["identities"][0]));
    let stranger = app.sign_up(EMAIL).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let other_staff = app.sign_up_as("staff", "other@example.org").await;

    assert_eq!(
        node(&app, &owner, &owner.user_id).await,
        json!({ "__typename": "User", "id": owner.user_id, "email": "ada@gmail.com" })
    );
    let own = node(&app, &owner, &session).await;
    assert_eq!(
        own,
        json!({ "__typename": "Session", "id": session, "ipAddress": "127.0.0.1", "isCurrent": true })
    );
    let linked =
        json!({ "__typename": "Identity", "id": identity, "providerId": "google", "email": "ada@gmail.com" });
    assert_eq!(node(&app, &owner, &identity).await, linked);
    for id in [&owner.user_id, &session, &identity] {
        assert_eq!(node(&app, &stranger, id).await, Value::Null, "{id}");
        assert_eq!(node(&app, &staff, id).await["id"], id.as_str());
    }
    assert_eq!(node(&app, &staff, &session).await["isCurrent"], false);
    // staff do not see the devices of other staff
    let devices = node(&app, &staff, &other_staff.session_id).await;
    assert_eq!((&devices["id"], &devices["ipAddress"]), (&json!(other_staff.session_id), &Value::Null));

    for id in ["", "x", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(node(&app, &owner, id).await, Value::Null, "{id}");
    }
    let revoke = "mutation($id: ID!) { revokeSession(id: $id) { endedSessionIds } }";
    let other = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    app.run_as(&other.access_token, revoke, json!({ "id": session })).await.data("revokeSession");
    assert_eq!(node(&app, &other, &session).await, Value::Null, "an ended session is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_is_null_unless_somebody_is_signed_in() {
    let app = TestApp::start(Sqlite).await;
    let viewer = async |token: Option<&str>| {
        let query = "{ viewer { email sessions { isCurrent } } authSettings { otpLength } }";
        let answer = match token {
            Some(token) => app.run_as(token, query, json!({})).await,
            None => app.run(query, json!({})).await,
        };
        assert_eq!(answer.data("authSettings"), json!({ "otpLength": 8 }));
        answer.body["data"]["viewer"].clone()
    };
    assert_eq!(viewer(None).await, Value::Null);
    assert_eq!(viewer(Some("nonsense")).await, Value::Null);
    let ada = app.sign_up(EMAIL).await;
    let seen = viewer(Some(&ada.access_token)).await;
    assert_eq!(seen, json!({ "email": EMAIL, "sessions": [{ "isCurrent": true }] }));
    app.advance(Duration::from_hours(1));
    assert_eq!(viewer(Some(&ada.access_token)).await, Value::Null, "the token has expired");
    let again = app.sign_in(EMAIL).await;
    app.run_as(&again.access_token, "mutation { logoutAll { endedSessionIds } }", json!({}))
        .await
        .data("logoutAll");
    assert_eq!(viewer(Some(&again.access_token)).await, Value::Null, "the session has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_returns_the_viewer_if_their_token_still_works() {
    let app = TestApp::start(Sqlite).await;
    let other = app.sign_up(EMAIL).await;
    let here = app.sign_in(EMAIL).await;
    let run = async |as_whom: &SignedIn, field: &str, name: &str| {
        let ended = "user { id sessions { id } } endedSessionIds";
        let selection = match name {
            "changePassword" => format!("... on PasswordChanged {{ {ended} }}"),
            _ => ended.to_owned(),
        };
        app.run_as(&as_whom.access_token, &format!("mutation {{ {field} {{ {selection} }} }}"), json!({}))
            .await
            .data(name)
    };
    let only_here = json!({ "id": here.user_id, "sessions": [{ "id": here.session_id }] });
    let changed = run(
        &here,
        "changePassword(input: { currentPassword: \"correct horse battery\", newPassword: \"staple horse correct\" })",
        "changePassword",
    )
    .await;
    assert_eq!(changed, json!({ "user": only_here, "endedSessionIds": [other.session_id] }));
    let ended = run(&here, &format!("revokeSession(id: \"{}\")", other.session_id), "revokeSession").await;
    assert_eq!(ended, json!({ "user": only_here, "endedSessionIds": [] }));
    let ended = run(&here, "logoutAll", "logoutAll").await;
    assert_eq!(ended, json!({ "user": null, "endedSessionIds": [here.session_id] }));
}
