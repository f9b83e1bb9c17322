//! Who may wait for the confirmation of a link, for how long, and on which server.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::{
    confirm_login_link::{SSE, Tab, code, confirm, subscription, token, wait},
    event_stream::Stream,
    support::{Database, EMAIL, PASSWORD, PROXY, Postgres, Sqlite, TestApp, socket::FOLLOW},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn waiting_reveals_nothing_about_accounts_or_other_challenges(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let open = TestApp::start(database).await;
    open.sign_up_proven(EMAIL).await;
    let app = open.another(&[("SIGNUP", "off")]).await;
    let unknown = Tab::request(&app, "nobody@example.org").await;
    let known = Tab::request(&app, EMAIL).await;
    for id in [json!(Uuid::nil()), json!("x"), json!(Uuid::max())] {
        assert_eq!(code(&mut wait(&app, &id).await).await, None, "an unknown challenge ends at once");
    }
    app.advance(Duration::from_mins(31));
    for mut tab in [unknown, known] {
        assert_eq!(tab.code().await, None, "either waits until it expires");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_challenge_that_has_expired_signs_nobody_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up_proven(EMAIL).await;
    let mut tab = Tab::request(&app, EMAIL).await;
    let token = token(&app, EMAIL).await;
    confirm(&app, &token, Some(&tab.number), None).await;
    let code = tab.code().await.unwrap();
    app.advance(Duration::from_mins(31));
    assert_eq!(tab.wait_again(&app).await, None);
    assert_eq!(app.verify(EMAIL, &code, Some(&tab.id)).await["code"], "INVALID_OTP");
    assert_eq!(confirm(&app, &token, Some(&tab.number), None).await["code"], "INVALID_TOKEN");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn links_and_challenges_for_other_purposes_are_refused(#[values(Sqlite, Postgres)] database: Database) {
    let settings = [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];
    let app = TestApp::with(database, &settings).await;
    let begun = app.register(EMAIL, PASSWORD).await;
    assert_eq!(confirm(&app, &app.token(EMAIL).await, None, None).await["code"], "INVALID_TOKEN");
    assert_eq!(code(&mut wait(&app, &begun["id"]).await).await, None);
    let query = "mutation { resendActivationEmail(email: \"x@example.org\") { ... on EmailChallenge { confirmationNumber } } }";
    let other = app.run(query, json!({})).await.data("resendActivationEmail");
    assert_eq!(other, json!({ "confirmationNumber": null }));
}

/// The second server learns of the confirmation from a notice or, where there are no notices, from the database.
#[rstest]
#[case::by_notice(Postgres, &[])]
#[case::without_notices(Postgres, &[("DATABASE_EVENTS", "check")])]
#[case::on_one_file(Sqlite, &[])]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_confirmed_on_one_server_signs_in_a_tab_on_another(
    #[case] database: Database,
    #[case] settings: &[(&str, &str)],
) {
    let app = TestApp::with(database, settings).await;
    let other = app.another(settings).await;
    app.sign_up_proven(EMAIL).await;
    let mut tab = Tab::request(&app, EMAIL).await;
    let link = confirm(&other, &token(&app, EMAIL).await, Some(&tab.number), None).await;
    assert_eq!(link["isConfirmed"], true);
    let code = tab.code().await.unwrap();
    assert_eq!(other.verify(EMAIL, &code, Some(&tab.id)).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_use_up_only_their_own_share_of_connections() {
    let app =
        TestApp::with(Sqlite, &[PROXY, ("WEBSOCKET_MAX", "8"), ("WEBSOCKET_MAX_PER_ADDRESS", "3")]).await;
    let ada = app.sign_up(EMAIL).await;
    let asked = app.request_login_code("b@example.org").await;
    let query = subscription(&asked["id"]);
    let open = |address: &'static str| {
        let (app, query) = (&app, &query);
        async move { Stream::open(app, query, &[SSE, ("x-forwarded-for", address)]).await }
    };
    let mut held = Vec::new();
    for _ in 0..3 {
        let answer = open("192.0.2.1").await;
        assert_eq!(answer.status(), 200);
        held.push(answer);
    }
    assert_eq!(open("192.0.2.1").await.status(), 429, "an address has a limit");
    held.push(open("192.0.2.2").await);
    assert_eq!(open("192.0.2.3").await.status(), 503, "strangers have half of all connections");
    let token = format!("Bearer {}", ada.access_token);
    let headers = [SSE, ("authorization", token.as_str()), ("x-forwarded-for", "192.0.2.4")];
    assert_eq!(Stream::open(&app, FOLLOW, &headers).await.status(), 200);
    // as a signed-in user, one client too many waits for the same challenge
    let mut fifth = Stream::of(Stream::open(&app, &query, &headers).await);
    let (_, data) = fifth.next().await.unwrap();
    let extensions = &data["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["code"], &extensions["retryAfter"]),
        (&json!("RATE_LIMITED"), &json!(5)),
        "{data}"
    );
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_needs_a_token_to_wait() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let asked = app.request_login_code("b@example.org").await;
    let mut socket = app.open(&[]).await.unwrap();
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await["closed"], 4403);
    let mut socket = app.socket(&ada.access_token).await;
    socket.subscribe("1", &subscription(&asked["id"])).await;
    let token = token(&app, "b@example.org").await;
    let number = confirm(&app, &token, None, None).await["confirmationNumber"].clone();
    confirm(&app, &token, number.as_str(), None).await;
    let heard = socket.hear().await;
    assert_eq!(heard["payload"]["data"]["loginLinkConfirmed"]["otp"], json!(app.code("b@example.org").await));
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "1" }));
}
