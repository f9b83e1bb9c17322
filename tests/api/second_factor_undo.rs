//! What the owner of an account, or a thief, can undo.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp, second_factors::Authenticator};

/// Longer than the time in which a change can be undone.
const LONG: Duration = Duration::from_hours(73);

async fn reset(app: &TestApp) -> Value {
    app.request_reset(EMAIL).await;
    let token = app.token_in(EMAIL, "password_reset").await.unwrap();
    app.reset(&token, PASSWORD).await
}

async fn works(app: &TestApp, authenticator: &Authenticator) -> bool {
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
    let proof = json!({ "totp": authenticator.next_code(app) });
    app.verify_second_factor(&challenge["id"], proof).await["__typename"] == "AuthPayload"
}

/// Signs in with a recovery code.
async fn recover(app: &TestApp, code: &str) -> Value {
    let challenge = app.login(EMAIL, PASSWORD).await;
    app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": code })).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_never_removes_an_older_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("RESEND_COOLDOWN", "1s")]).await;
    let (_, old) = app.sign_up_enrolled(EMAIL).await;
    app.advance(LONG);
    reset(&app).await;
    let text = app.inbox(EMAIL).await[0].text.clone();
    assert!(text.contains("You still need your authenticator app"), "{text}");
    assert!(works(&app, &old).await);

    // a thief with a recovery code makes codes of their own
    let thief = recover(&app, &old.recovery_codes[0]).await;
    let thiefs = app.regenerate_recovery_codes(thief["accessToken"].as_str().unwrap()).await;
    app.advance(Duration::from_mins(2));
    reset(&app).await;
    let code = thiefs["recoveryCodes"][0].as_str().unwrap();
    assert_eq!(recover(&app, code).await["code"], "INVALID_OTP", "the thief's codes are gone");
    assert_eq!(
        recover(&app, &old.recovery_codes[1]).await["__typename"],
        "AuthPayload",
        "the owner's are back"
    );
    assert!(works(&app, &old).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_removes_a_young_factor_and_all_codes(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("RESEND_COOLDOWN", "1s")]).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let old = app.enroll(&ada, EMAIL).await;
    app.advance(LONG);
    // the owner has lost the phone and set up another; the reset must not bring the lost one back
    let recovered = recover(&app, &old.recovery_codes[0]).await;
    let new = app.enroll_with(recovered["accessToken"].as_str().unwrap()).await;
    assert!(works(&app, &new).await);
    app.advance(Duration::from_mins(2));
    reset(&app).await;
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload", "no factor is left");

    // somebody else had reset the password: undoing that restores the factor
    let token = app.token_in(EMAIL, "password_was_reset").await.expect("the notice has a link");
    app.revert(&token, None).await;
    app.advance(LONG);
    reset(&app).await;
    assert!(works(&app, &new).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_removes_the_first_factor_if_it_is_young(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_enrolled(EMAIL).await;
    reset(&app).await;
    let templates: Vec<_> = app.inbox(EMAIL).await.iter().map(|mail| mail.template).collect();
    assert!(templates.contains(&"second_factor_removed"), "{templates:?}");
    let signed_in = app.login(EMAIL, PASSWORD).await;
    assert_eq!(signed_in["__typename"], "AuthPayload");
    let left = app.second_factors(signed_in["accessToken"].as_str().unwrap()).await;
    assert_eq!(left, json!({ "secondFactors": [], "recoveryCodesLeft": 0 }));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_an_enrolment_removes_the_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_long_ago(EMAIL).await;
    app.enroll(&ada, EMAIL).await;
    let token = app.token_in(EMAIL, "second_factor_enabled").await.expect("the notice has a link");
    let undone = app.revert(&token, None).await;
    assert_eq!(undone["__typename"], "EmailChallenge", "{undone}");
    reset(&app).await;
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_removal_restores_the_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let authenticator = app.enroll(&ada, EMAIL).await;
    app.advance(LONG);
    let again = app.sign_in_with(EMAIL, &authenticator).await;
    let removed = app.remove_totp(&again.access_token).await;
    assert_eq!(removed["secondFactors"], json!([]), "{removed}");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(app.inbox(EMAIL).await[0].template, "second_factor_removed");
    app.advance(Duration::from_hours(71));

    let token = app.token_in(EMAIL, "second_factor_removed").await.expect("the notice has a link");
    let undone = app.revert(&token, None).await;
    assert_eq!(undone["__typename"], "EmailChallenge", "{undone}");
    reset(&app).await;
    assert!(works(&app, &authenticator).await);
    let challenge = app.login(EMAIL, PASSWORD).await;
    let proof = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    assert_eq!(app.verify_second_factor(&challenge["id"], proof).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_replaced_codes_restores_the_earlier_ones(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let authenticator = app.enroll(&ada, EMAIL).await;
    app.advance(LONG);
    let again = app.sign_in_with(EMAIL, &authenticator).await;
    let replaced = app.regenerate_recovery_codes(&again.access_token).await;
    let token = app.token_in(EMAIL, "recovery_codes_replaced").await.expect("the notice has a link");
    app.revert(&token, None).await;
    reset(&app).await;
    for (code, outcome) in [
        (&replaced["recoveryCodes"][0], "UserError"),
        (&json!(authenticator.recovery_codes[0]), "AuthPayload"),
    ] {
        let challenge = app.login(EMAIL, PASSWORD).await;
        let answer = app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": code })).await;
        assert_eq!(answer["__typename"], outcome, "{answer}");
    }
}
