use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp};

const NEW: &str = "countess@example.org";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_replaces_the_old_one_once_it_is_verified(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let challenge = app.change_email(&ada.access_token, NEW).await;
    assert_eq!((&challenge["purpose"], &challenge["email"]), (&json!("CHANGE_EMAIL"), &json!(NEW)));
    let mail = app.inbox(NEW).await[0].clone();
    assert_eq!(
        (mail.template, mail.text.contains(EMAIL)),
        ("change_email", true),
        "the email names the account"
    );
    assert_eq!(app.me(&ada.access_token).await, EMAIL, "the address has not changed yet");
    let code = app.code(NEW).await;
    let proven = app.verify_as(&ada.access_token, NEW, &code, Some(&challenge["id"])).await;
    assert_eq!((&proven["user"]["email"], &proven["session"]["id"]), (&json!(NEW), &json!(ada.session_id)));
    assert_eq!(proven["refreshToken"], Value::Null);
    let notice = app.inbox(EMAIL).await[0].clone();
    assert_eq!(notice.template, "email_changed");
    assert!(notice.text.contains(NEW));
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(NEW, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_address_gets_the_same_response_and_is_never_taken_over(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.sign_up("grace@example.org").await;
    let taken = app.change_email(&ada.access_token, "grace@example.org").await;
    assert_eq!(taken["__typename"], "EmailChallenge");
    assert_eq!(app.inbox("grace@example.org").await[0].template, "address_taken");

    // another user takes the address while the code is on its way
    let challenge = app.change_email(&ada.access_token, NEW).await;
    let code = app.code(NEW).await;
    app.sign_up(NEW).await;
    let refused = app.verify_as(&ada.access_token, NEW, &code, Some(&challenge["id"])).await;
    assert_eq!(refused["code"], "EMAIL_TAKEN");
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_address_requires_the_password_and_a_different_address() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let change = async |input: Value| {
        let query = "mutation($input: ChangeEmailInput!) { changeEmail(input: $input) { ... on UserError { code fields { field code } } } }";
        app.run_as(&ada.access_token, query, json!({ "input": input })).await.data("changeEmail")
    };
    let missing = change(json!({ "newEmail": NEW })).await;
    assert_eq!(missing["fields"], json!([{ "field": "currentPassword", "code": "REQUIRED" }]));
    let malformed = change(json!({ "newEmail": "x", "currentPassword": PASSWORD })).await;
    assert_eq!(malformed["fields"], json!([{ "field": "newEmail", "code": "MALFORMED" }]));
    let wrong = change(json!({ "newEmail": NEW, "currentPassword": "wrong horse battery" })).await;
    assert_eq!(wrong["code"], "INVALID_CREDENTIALS");
    assert!(app.inbox(NEW).await.is_empty());
    app.verify_as(&ada.access_token, EMAIL, &app.code(EMAIL).await, None).await;
    app.advance(Duration::from_mins(2));
    let same = change(json!({ "newEmail": EMAIL, "currentPassword": PASSWORD })).await;
    assert_eq!(same["fields"], json!([{ "field": "newEmail", "code": "UNCHANGED" }]));
}

/// The owner of the new mailbox may mistake the code for a sign-up code and enter it elsewhere.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_code_works_only_in_the_session_that_requested_it_and_starts_no_session(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("otp", "link")] method: &str,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION_METHOD", method)]).await;
    let ada = app.sign_up(EMAIL).await;
    let elsewhere = app.sign_in(EMAIL).await;
    let grace = app.sign_up("grace@example.org").await;
    let asked = app.change_email(&ada.access_token, NEW).await;
    assert_eq!(asked["method"], "OTP", "a link could be opened in another session");
    let code = app.code(NEW).await;
    for id in [Some(&asked["id"]), None] {
        for token in ["", &elsewhere.access_token, &grace.access_token] {
            assert_eq!(app.verify_as(token, NEW, &code, id).await["code"], "INVALID_OTP");
        }
    }
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    app.advance(Duration::from_secs(61));
    let again = app.resend_otp(NEW, Some(&asked["id"])).await;
    assert_eq!(again["purpose"], "CHANGE_EMAIL");
    let proven = app.verify_as(&ada.access_token, NEW, &app.code(NEW).await, Some(&again["id"])).await;
    assert_eq!(proven["user"]["email"], NEW, "{proven}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_is_not_notified_of_the_new_one(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let asked = app.change_email(&ada.access_token, NEW).await;
    app.verify_as(&ada.access_token, NEW, &app.code(NEW).await, Some(&asked["id"])).await;
    assert!(app.inbox(EMAIL).await.iter().all(|mail| !mail.text.contains(NEW)));
}
