use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp};

async fn revoke(app: &TestApp, who: &SignedIn, id: &str) -> Value {
    let query = "mutation($id: ID!) { revokeSession(id: $id) { endedSessionIds } }";
    let ended = app.run_as(&who.access_token, query, json!({ "id": id })).await.data("revokeSession");
    ended["endedSessionIds"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_session_ends_and_the_others_continue(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (here, there, third) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await, app.sign_in(EMAIL).await);
    assert_eq!(revoke(&app, &here, &there.session_id).await, json!([there.session_id]));
    assert_eq!(app.me(&there.access_token).await, "REVOKED");
    assert_eq!(app.refresh(&there.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(&here.access_token).await, EMAIL);
    assert_eq!(app.me(&third.access_token).await, EMAIL);
    assert_eq!(revoke(&app, &here, &there.session_id).await, json!([]), "the session had already ended");
    assert_eq!(
        revoke(&app, &here, &here.session_id).await,
        json!([here.session_id]),
        "a session can end itself"
    );
    assert_eq!(app.me(&here.access_token).await, "REVOKED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_users_session_is_not_affected(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, grace) = (app.sign_up(EMAIL).await, app.sign_up_as("superuser", "grace@example.org").await);
    for id in [ada.session_id.as_str(), &ada.user_id, "", "x", &"x".repeat(1000)] {
        assert_eq!(revoke(&app, &grace, id).await, json!([]), "{id}");
    }
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
}
