use serde_json::json;

use crate::support::{EMAIL, PASSWORD, SignedIn, Sqlite, TestApp};

const POST: &str = "mutation($text: String!) { postToDashboard(text: $text) {
    ... on Dashboard { response } ... on UserError { code fields { field code max } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_greets_users_by_username_or_email_and_echoes_text() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let get = app.run_as(&ada.access_token, "{ dashboard { response } }", json!({})).await.data("dashboard");
    assert_eq!(get["response"], "Hey ada@example.org, You are seeing a GET response");

    let grace =
        app.signup(json!({ "email": "grace@example.org", "username": "Grace", "password": PASSWORD })).await;
    let grace = SignedIn::from(&grace);
    let get =
        app.run_as(&grace.access_token, "{ dashboard { response } }", json!({})).await.data("dashboard");
    assert_eq!(get["response"], "Hey Grace, You are seeing a GET response");
    let post = app.run_as(&grace.access_token, POST, json!({ "text": "hello \u{0}<b>" })).await;
    assert_eq!(post.data("postToDashboard")["response"], "Hey Grace, your text is hello \u{0}<b>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_more_than_1000_characters_is_refused() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let below = app.run_as(&ada.access_token, POST, json!({ "text": "é".repeat(1000) })).await;
    assert!(below.data("postToDashboard")["response"].is_string());
    let above = app.run_as(&ada.access_token, POST, json!({ "text": "é".repeat(1001) })).await;
    let fault = json!({ "field": "text", "code": "TOO_LONG", "max": 1000 });
    assert_eq!(above.data("postToDashboard"), json!({ "code": "INVALID_INPUT", "fields": [fault] }));
    assert!(above.text.len() < 500);
}
