use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp};

const LOGOUT: &str = "mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_of_the_access_token(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let ended = app.run_as(&here.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([here.session_id]));
    assert_eq!(app.me(&here.access_token).await, "REVOKED", "the token is refused from the next request on");
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
    assert_eq!(again["endedSessionIds"], json!([]), "ending an ended session is not an error");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_works_with_an_expired_access_token_and_ignores_an_invalid_refresh_token(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.advance(Duration::from_hours(1));
    let ended = app.run_as(&ada.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([ada.session_id]));
    assert_eq!(app.refresh(&ada.refresh_token).await["code"], "INVALID_TOKEN");

    let ada = app.sign_in(EMAIL).await;
    let ended = app.run_as(&ada.access_token, LOGOUT, json!({ "token": "garbage" })).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([ada.session_id]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_can_sign_out_until_its_refresh_token_would_have_expired(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [("ACCESS_TOKEN_TTL", "10m"), ("REFRESH_TOKEN_TTL", "2h")];
    let app = TestApp::with(database, &settings).await;
    let stale = app.sign_up(EMAIL).await;
    let old = app.sign_in(EMAIL).await;
    // both sessions continue, even after their first access tokens expire
    app.advance(Duration::from_hours(1));
    let stale_goes_on = app.refresh(&stale.refresh_token).await;
    let old_goes_on = app.refresh(&old.refresh_token).await;
    app.advance(Duration::from_mins(69));
    let ended = app.run_as(&stale.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([stale.session_id]));
    app.advance(Duration::from_mins(1));
    let ended = app.run_as(&old.access_token, LOGOUT, json!({})).await.data("logout");
    assert_eq!(ended["endedSessionIds"], json!([]));
    let newest = |payload: &Value| payload["refreshToken"].as_str().unwrap().to_owned();
    assert_eq!(app.refresh(&newest(&stale_goes_on)).await["code"], "INVALID_TOKEN");
    let old = SignedIn::from(&app.refresh(&newest(&old_goes_on)).await);
    assert_eq!(app.me(&old.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_without_a_session_is_not_an_error(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    for answer in [
        app.run(LOGOUT, json!({})).await,
        app.run(LOGOUT, json!({ "token": "garbage" })).await,
        app.run_as("garbage", LOGOUT, json!({})).await,
    ] {
        assert_eq!(answer.data("logout")["endedSessionIds"], json!([]));
    }
}
