use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gatehouse::storage::{known_address, session};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp, database::connect, second_factors::STEP,
};

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_before_the_second_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, _) = app.sign_up_enrolled(EMAIL).await;
    app.sql("DELETE FROM known_addresses").await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let sessions = session::Entity::find().count(&on).await.unwrap();
    let signed_in = |app: TestApp| async move {
        let answer = app.run_as(&ada.access_token, "{ me { lastLoginAt } }", json!({})).await;
        (answer.data("me")["lastLoginAt"].clone(), app)
    };
    let (before, app) = signed_in.clone()(app).await;
    app.advance(Duration::from_mins(1));

    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
    assert_eq!(challenge["methods"], json!(["TOTP", "RECOVERY_CODE"]));
    assert_eq!(challenge["expiresIn"], 600);
    assert_eq!(session::Entity::find().count(&on).await.unwrap(), sessions, "no session");
    assert_eq!(known_address::Entity::find().count(&on).await.unwrap(), 0, "the address stays unknown");
    assert_eq!(signed_in(app).await.0, before, "the user has not signed in");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_completes_the_sign_in_once(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    let id = &challenge["id"];
    let spent = json!({ "totp": authenticator.code(&app) });
    let refused = app.verify_second_factor(id, spent).await;
    assert_eq!(refused["code"], "INVALID_OTP", "the enrolment has spent the code of this step: {refused}");
    for wrong in ["000000", "", "12345", "1234567", "abcdef"] {
        let refused = app.verify_second_factor(id, json!({ "totp": wrong })).await;
        assert_eq!(refused["code"], "INVALID_OTP", "{wrong}: {refused}");
    }
    let code = authenticator.next_code(&app);
    let typed = format!(" {}-{}\u{a0}", &code[..3], &code[3..]);
    let payload = app.verify_second_factor(id, json!({ "totp": typed })).await;
    let ada = SignedIn::from(&payload);
    assert_eq!(claims(&ada.access_token)["amr"], json!(["pwd", "otp", "mfa"]));
    let methods = app.run_as(&ada.access_token, "{ me { sessions { isCurrent methods } } }", json!({})).await;
    assert_eq!(
        methods.data("me")["sessions"][0],
        json!({ "isCurrent": true, "methods": ["PASSWORD", "TOTP"] })
    );

    let again = app.verify_second_factor(id, json!({ "totp": code.clone() })).await;
    assert_eq!(again["code"], "INVALID_TOKEN", "the challenge is spent");
    let other = app.login(EMAIL, PASSWORD).await;
    let again = app.verify_second_factor(&other["id"], json!({ "totp": code })).await;
    assert_eq!(again["code"], "INVALID_OTP", "the code is spent");
    let earlier = json!({ "totp": authenticator.code_in(&app, -1) });
    assert_eq!(
        app.verify_second_factor(&other["id"], earlier).await["code"],
        "INVALID_OTP",
        "an earlier step"
    );
    let later = json!({ "totp": authenticator.code_in(&app, 2) });
    assert_eq!(app.verify_second_factor(&other["id"], later).await["code"], "INVALID_OTP", "too far ahead");
    let ahead = json!({ "totp": authenticator.code_in(&app, 1) });
    let payload = app.verify_second_factor(&other["id"], ahead).await;
    assert_eq!(payload["__typename"], "AuthPayload", "the clock of the phone is ahead: {payload}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_works_once_however_it_is_typed(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, authenticator) = app.sign_up_enrolled(EMAIL).await;
    assert_eq!(authenticator.recovery_codes.len(), 10);
    let code = &authenticator.recovery_codes[3];
    let wrong = json!({ "recoveryCode": "0000-0000-0000-0000" });
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(app.verify_second_factor(&challenge["id"], wrong).await["code"], "INVALID_OTP");
    let typed = format!(" {} ", code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
    let payload = app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": typed })).await;
    let signed_in = SignedIn::from(&payload);
    assert_eq!(claims(&signed_in.access_token)["amr"], json!(["pwd", "otp", "mfa"]));
    let left = json!({ "secondFactors": ["TOTP", "RECOVERY_CODE"], "recoveryCodesLeft": 9 });
    assert_eq!(app.second_factors(&ada.access_token).await, left);
    let mail = &app.inbox(EMAIL).await[0];
    assert_eq!(mail.template, "recovery_code_used");
    assert!(mail.text.contains("You have 9 codes left."), "{}", mail.text);

    let challenge = app.login(EMAIL, PASSWORD).await;
    let again = app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": code })).await;
    assert_eq!(again["code"], "INVALID_OTP");
    let (_, grace) = app.sign_up_enrolled("grace@example.org").await;
    let foreign = json!({ "recoveryCode": grace.recovery_codes[0] });
    assert_eq!(app.verify_second_factor(&challenge["id"], foreign).await["code"], "INVALID_OTP");
    for code in &authenticator.recovery_codes[4..] {
        let challenge = app.login(EMAIL, PASSWORD).await;
        let payload = app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": code })).await;
        assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
    }
    let text = app.inbox(EMAIL).await[0].text.clone();
    assert!(text.contains("You have 3 codes left.") && !text.contains("Create new codes"), "{text}");
    for code in &authenticator.recovery_codes[..3] {
        let challenge = app.login(EMAIL, PASSWORD).await;
        app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": code })).await;
    }
    let text = app.inbox(EMAIL).await[0].text.clone();
    assert!(text.contains("You have no codes left.") && text.contains("Create new codes"), "{text}");
    let left = json!({ "secondFactors": ["TOTP"], "recoveryCodesLeft": 0 });
    assert_eq!(app.second_factors(&ada.access_token).await, left);
    assert_eq!(app.login(EMAIL, PASSWORD).await["methods"], json!(["TOTP"]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_ends_with_its_time_and_with_every_change(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (ada, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let proof = |app: &TestApp| json!({ "totp": authenticator.next_code(app) });
    for (what, sql) in [
        ("the credentials changed", "UPDATE users SET credentials_version = credentials_version + 1"),
        ("the challenge is another's", "DELETE FROM second_factor_challenges"),
    ] {
        let challenge = app.login(EMAIL, PASSWORD).await;
        app.sql(sql).await;
        let refused = app.verify_second_factor(&challenge["id"], proof(&app)).await;
        assert_eq!(refused["code"], "INVALID_TOKEN", "{what}");
    }
    let challenge = app.login(EMAIL, PASSWORD).await;
    app.advance(Duration::from_mins(10));
    assert_eq!(app.verify_second_factor(&challenge["id"], proof(&app)).await["code"], "INVALID_TOKEN");
    assert_eq!(app.verify_second_factor(&json!("x"), proof(&app)).await["code"], "INVALID_TOKEN");

    let challenge = app.login(EMAIL, PASSWORD).await;
    app.sql(&format!("UPDATE users SET is_active = FALSE WHERE id IS NOT NULL AND email = '{EMAIL}'")).await;
    let refused = app.verify_second_factor(&challenge["id"], proof(&app)).await;
    assert_eq!(refused["code"], "ACCOUNT_DISABLED");
    assert_ne!(app.me(&ada.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_factor_is_not_asked(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    assert_eq!(
        app.second_factors(&ada.access_token).await,
        json!({ "secondFactors": [], "recoveryCodesLeft": 0 })
    );
    // an enrollment that is only started does not count
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = app.start_totp_enrolment(&token).await;
    assert_eq!(started["__typename"], "TotpEnrolment");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    app.advance(STEP);
    assert_eq!(app.second_factors(&ada.access_token).await["secondFactors"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_does_not_know_the_challenge_gets_words() {
    let app = TestApp::start(Sqlite).await;
    app.sign_up_enrolled(EMAIL).await;
    let query = "mutation($input: LoginInput!) { login(input: $input) { __typename
        ... on AuthPayload { accessToken } ... on EmailChallenge { id } ... on UserError { code message } } }";
    let input = json!({ "input": { "identifier": EMAIL, "password": PASSWORD } });
    let answer = app.run(query, input).await;
    let error = answer.data("login");
    assert_eq!(
        (&error["__typename"], &error["code"]),
        (&json!("UserError"), &json!("SECOND_FACTOR_REQUIRED"))
    );
    assert!(error["message"].as_str().unwrap().contains("second factor"), "{error}");
    assert_eq!(answer.body["extensions"]["unhandled"], json!(["SecondFactorChallenge"]));
}
