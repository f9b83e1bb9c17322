use rstest::rstest;
use serde_json::json;

use crate::support::{Database, EMAIL, Postgres, Sqlite, TestApp};

const LOGOUT: &str = "mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_of_the_access_token(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let ended = app.run_as(&here.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([here.session_id]));
    assert_eq!(app.me(&here.access_token).await, "REVOKED", "from the next request on");
    assert_eq!(app.refresh(&here.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(&there.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_of_the_refresh_token_rather_than_of_the_access_token(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let token = json!({ "token": there.refresh_token });
    let ended = app.run_as(&here.access_token, LOGOUT, token.clone()).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([there.session_id]));
    assert_eq!(app.me(&here.access_token).await, EMAIL);
    let again = app.run(LOGOUT, token).await.data("logout");
    assert_eq!(again["endedSessionIds"], json!([]), "ending an ended session is no error");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_means_it_even_with_an_expired_token_or_a_broken_one(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.advance(std::time::Duration::from_hours(1));
    let ended = app.run_as(&ada.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([ada.session_id]));
    assert_eq!(app.refresh(&ada.refresh_token).await["code"], "INVALID_TOKEN");

    let ada = app.sign_in(EMAIL).await;
    let ended = app.run_as(&ada.access_token, LOGOUT, json!({ "token": "garbage" })).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([ada.session_id]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_of_nobody_is_no_error(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    for answer in [
        app.run(LOGOUT, json!({})).await,
        app.run(LOGOUT, json!({ "token": "garbage" })).await,
        app.run_as("garbage", LOGOUT, json!({})).await,
    ] {
        assert_eq!(answer.data("logout")["endedSessionIds"], json!([]));
    }
}
