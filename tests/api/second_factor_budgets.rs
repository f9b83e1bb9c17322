//! Who pays for wrong second factors.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, PROXY, Postgres, Sqlite, TestApp, second_factors::Authenticator,
};

const HOME: &str = "192.0.2.1";

async fn challenge(app: &TestApp, address: &str) -> Value {
    let challenge = app.login_from(address, EMAIL, PASSWORD).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
    challenge["id"].clone()
}

async fn signed_in_at_home(database: Database) -> (TestApp, Authenticator) {
    let app = TestApp::with(database, &[PROXY, ("RATE_LIMIT_LOGINS", "1000/1h")]).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let id = challenge(&app, HOME).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let signed_in = app.verify_second_factor_from(HOME, &id, proof).await;
    assert_eq!(signed_in["__typename"], "AuthPayload", "{signed_in}");
    (app, authenticator)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_allows_five_codes_and_every_recovery_code(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, authenticator) = signed_in_at_home(database).await;
    let id = challenge(&app, HOME).await;
    for _ in 0..5 {
        let wrong = app.verify_second_factor_from(HOME, &id, json!({ "totp": "000000" })).await;
        assert_eq!(wrong["code"], "INVALID_OTP");
    }
    let right = json!({ "totp": authenticator.next_code(&app) });
    assert_eq!(
        app.verify_second_factor_from(HOME, &id, right.clone()).await["code"],
        "INVALID_TOKEN",
        "the sixth"
    );
    let other = challenge(&app, HOME).await;
    assert_eq!(app.verify_second_factor_from(HOME, &other, right).await["__typename"], "AuthPayload");
    let proof = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    assert_eq!(app.verify_second_factor_from(HOME, &id, proof).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_knows_the_password_locks_out_nobody_at_home(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, authenticator) = signed_in_at_home(database).await;
    let mut refused = Vec::new();
    for number in 0..20 {
        // every sign-in stays charged, so the thief needs many addresses
        let address = format!("198.51.{number}.1");
        let id = challenge(&app, &address).await;
        for _ in 0..3 {
            let wrong = app.verify_second_factor_from(&address, &id, json!({ "totp": "000000" })).await;
            refused.push(wrong["code"].as_str().unwrap().to_owned());
        }
    }
    let wrong = refused.iter().filter(|code| *code == "INVALID_OTP").count();
    assert_eq!(wrong, 30, "the account's budget: {refused:?}");
    assert_eq!(refused.last().unwrap(), "RATE_LIMITED");

    let id = challenge(&app, HOME).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let payload = app.verify_second_factor_from(HOME, &id, proof).await;
    assert_eq!(payload["__typename"], "AuthPayload", "at home: {payload}");
    let away = "203.0.113.9";
    let id = challenge(&app, away).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    assert_eq!(app.verify_second_factor_from(away, &id, proof).await["code"], "RATE_LIMITED");
    let proof = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    let payload = app.verify_second_factor_from(away, &id, proof).await;
    assert_eq!(payload["__typename"], "AuthPayload", "a recovery code is never refused: {payload}");

    let told = app.inbox(EMAIL).await.iter().filter(|mail| mail.template == "second_factor_failed").count();
    assert_eq!(told, 3, "after 3, 10 and 30 wrong codes");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_refunded_only_by_the_second_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS", "3/15m")]).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let thief = "198.51.100.7";
    for _ in 0..3 {
        challenge(&app, thief).await;
    }
    assert_eq!(app.login_from(thief, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    for _ in 0..6 {
        let id = challenge(&app, HOME).await;
        let proof = json!({ "totp": authenticator.next_code(&app) });
        let payload = app.verify_second_factor_from(HOME, &id, proof).await;
        assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_ten_codes_an_hour(#[values(Sqlite, Postgres)] database: Database) {
    let (app, authenticator) = signed_in_at_home(database).await;
    for _ in 0..5 {
        let id = challenge(&app, HOME).await;
        for _ in 0..2 {
            let wrong = app.verify_second_factor_from(HOME, &id, json!({ "totp": "000000" })).await;
            assert_eq!(wrong["code"], "INVALID_OTP", "{wrong}");
        }
    }
    let id = challenge(&app, HOME).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    assert_eq!(app.verify_second_factor_from(HOME, &id, proof).await["code"], "RATE_LIMITED");
    app.advance(Duration::from_mins(6));
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let payload = app.verify_second_factor_from(HOME, &id, proof).await;
    assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn neighbours_cannot_use_up_the_codes_of_a_known_address(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, authenticator) = signed_in_at_home(database).await;
    for number in 0..60 {
        let query = "mutation($email: String!) {
            verifyOtp(input: { email: $email, otp: \"00000000\" }) { ... on UserError { code } } }";
        let body = json!({ "query": query, "variables": { "email": format!("{number}@example.org") } });
        app.post().header("x-forwarded-for", HOME).json(&body).send().await.unwrap();
    }
    let id = challenge(&app, HOME).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let payload = app.verify_second_factor_from(HOME, &id, proof).await;
    assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
}
