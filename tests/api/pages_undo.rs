//! The page behind the link in a notice, which undoes a security change, in a real browser.

use std::time::Duration;

use gatehouse::clock::Clock;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    pages::NEW,
    pages_sign_in::proven,
    support::{
        Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp, google::id_token, node::browse,
    },
};

/// Longer than the time for which an address must have been verified before a change to its account can be undone.
const PROVEN_LONG_AGO: Duration = Duration::from_hours(73);

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_a_notice_undoes_the_change(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    proven(&app, EMAIL).await;
    app.advance(PROVEN_LONG_AGO);

    let thief = app.sign_in(EMAIL).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }";
    let changed = app.run_as(&thief.access_token, change, json!({ "input": input })).await;
    assert_eq!(changed.data("changePassword")["__typename"], "PasswordChanged");
    let link = app.link(EMAIL).await;
    assert!(link.starts_with(&format!("{}/undo#token=", app.url)), "{link}");
    let press = json!([["open", link], ["read"], ["press", "Tab"], ["press", "Enter"], ["read"]]);
    let seen = browse(&press);
    assert_eq!(seen["reads"][0]["title"], "Undo the change");
    assert_eq!(seen["reads"][1]["title"], "The change has been undone");
    let notice = seen["reads"][1]["notice"].as_str().unwrap();
    assert!(notice.ends_with(&format!("we have sent to {EMAIL}.")), "{notice}");
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_reset");
    assert_eq!(browse(&press)["reads"][1]["title"], "This link no longer works");
    assert_eq!(seen["complaints"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_returns_with_the_password_from_before_the_change() {
    let app = TestApp::start(Sqlite).await;
    proven(&app, EMAIL).await;
    app.advance(PROVEN_LONG_AGO);
    let thief = app.sign_in(EMAIL).await;
    let challenge = app.change_email(&thief.access_token, "eve@example.org").await;
    let code = app.code("eve@example.org").await;
    let moved = app.verify_as(&thief.access_token, "eve@example.org", &code, Some(&challenge["id"])).await;
    assert_eq!(moved["user"]["email"], "eve@example.org", "{moved}");

    let link = app.link(EMAIL).await;
    let steps = json!([
        ["open", link],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["press", "Enter"],
        ["read"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", PASSWORD],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert!(reads[0]["hint"].as_str().unwrap().contains("before the change"), "{}", reads[0]);
    assert_eq!((&reads[0]["focus"], &reads[0]["notice"]), (&json!("password"), &Value::Null));
    assert!(reads[1]["fault"].as_str().unwrap().starts_with("Enter the password"), "{}", reads[1]);
    assert!(reads[2]["fault"].as_str().unwrap().contains("not the password"), "{}", reads[2]);
    assert_eq!(reads[3]["title"], "The change has been undone");
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_returns_with_the_google_account_from_before_the_change() {
    let clock = Clock::default();
    let (app, google) = TestApp::with_google_at(Sqlite, &clock, &[]).await;
    let old = "ada.lovelace@gmail.com";
    let ada = json!({ "sub": "100000000000000000001", "email": old, "email_verified": true });
    app.google_login(id_token(&google, &ada)).await;
    app.advance(PROVEN_LONG_AGO);
    clock.advance(PROVEN_LONG_AGO);
    let thief = SignedIn::from(&app.google_login(id_token(&google, &ada)).await);
    let change = "mutation($to: String!) { changeEmail(input: { newEmail: $to }) { ... on EmailChallenge { id } ... on UserError { code } } }";
    let asked = app.run_as(&thief.access_token, change, json!({ "to": "eve@example.org" })).await;
    let id = &asked.data("changeEmail")["id"];
    let code = app.code("eve@example.org").await;
    let moved = app.verify_as(&thief.access_token, "eve@example.org", &code, Some(id)).await;
    assert_eq!(moved["user"]["email"], "eve@example.org", "{moved}");

    let page = format!("{}/undo", app.url);
    let steps = json!([
        ["open", app.link(old).await],
        ["press", "Tab"],
        ["press", "Enter"],
        ["click", "Use the linked Google account instead"],
        ["click", "Cancel"],
        ["await", "You did not allow the provider to confirm"],
        ["read"],
        ["click", "Use the linked Google account instead"],
        ["click", "Grace Hopper"],
        ["await", "You could not sign in with that account"],
        ["read"],
        ["click", "Use the linked Google account instead"],
        ["click", "Ada Lovelace"],
        ["await", "The change has been undone"],
        ["read"],
        // a link with which an attacker would complete a sign-in that this tab did not start
        ["open", format!("{page}?code=4/theirs&state=theirs")],
        ["await", "Open the link again"],
        ["read"],
    ]);
    let seen = browse(&steps);
    assert_eq!(seen["complaints"], json!([]));
    for read in seen["reads"].as_array().unwrap() {
        assert_eq!(read["url"], page, "the address bar shows neither token nor code");
    }
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    assert_eq!(app.inbox(old).await[0].template, "password_reset");
}
