use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    second_factors::Authenticator,
};

/// Longer than `STEP_UP_MAX_AGE`, shorter than the lifetime of an access token.
const LATER: Duration = Duration::from_mins(11);

async fn change_password(app: &TestApp, access_token: &str, new_password: &str) -> Value {
    let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename
        ... on UserError { code } } }";
    let input = json!({ "currentPassword": PASSWORD, "newPassword": new_password });
    app.run_as(access_token, query, json!({ "input": input })).await.data("changePassword")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_factor_needs_a_proof_by_email(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let unproven = app.sign_up(EMAIL).await;
    assert_eq!(app.start_totp_enrolment(&unproven.access_token).await["code"], "NOT_ENABLED");

    let ada = app.sign_up_proven("lovelace@example.org").await;
    let refused = app.start_totp_enrolment(&ada.access_token).await;
    assert_eq!(refused["code"], "REAUTHENTICATION_REQUIRED", "a thief may know the password");
    let by_password = app.step_up(&ada.access_token).await;
    assert_eq!(app.start_totp_enrolment(&by_password).await["code"], "REAUTHENTICATION_REQUIRED");
    let by_email = app.step_up_by_email(&ada.access_token, "lovelace@example.org").await;
    assert_eq!(
        app.start_totp_enrolment(&ada.access_token).await["code"],
        "REAUTHENTICATION_REQUIRED",
        "the thief's copy"
    );
    assert_eq!(app.start_totp_enrolment(&by_email).await["__typename"], "TotpEnrolment");
    app.advance(LATER);
    assert_eq!(
        app.start_totp_enrolment(&by_email).await["code"],
        "REAUTHENTICATION_REQUIRED",
        "too long ago"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_an_email_address_can_enroll(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("EMAIL_REQUIRED", "false"), NO_VERIFICATION]).await;
    let signed_up = app.signup(json!({ "username": "grace", "password": PASSWORD })).await;
    let token = signed_up["accessToken"].as_str().unwrap();
    let authenticator = app.enroll_with(token).await;
    let challenge = app.login("grace", PASSWORD).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    assert_eq!(app.verify_second_factor(&challenge["id"], proof).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_can_be_scanned_and_typed(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("APP_NAME", "Müller: Söhne")]).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = app.start_totp_enrolment(&token).await;
    let uri = totp_rs::Totp::from_url(started["uri"].as_str().unwrap()).unwrap();
    assert_eq!((uri.issuer(), uri.account_name()), (Some("Müller  Söhne"), EMAIL));
    assert_eq!((uri.digits(), uri.step(), uri.algorithm()), (6, 30, totp_rs::Algorithm::SHA1));
    assert_eq!(uri.secret().to_base32(), started["secret"].as_str().unwrap());
    assert_eq!(uri.secret().as_bytes().len(), 20);
    let svg = started["qrSvg"].as_str().unwrap();
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>") && svg.len() < 64_000, "{svg}");
    assert_eq!(started["expiresIn"], 1800);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn finishing_needs_a_right_code_and_ends_other_sessions(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let elsewhere = app.sign_in(EMAIL).await;
    let grace = app.sign_up_proven("grace@example.org").await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = app.start_totp_enrolment(&token).await;
    let (id, authenticator) = (&started["id"], Authenticator::of(&started));
    assert_eq!(app.finish_totp_enrolment(&token, id, "000000").await["code"], "INVALID_OTP");
    let code = authenticator.code(&app);
    let foreign = app.finish_totp_enrolment(&grace.access_token, id, &code).await;
    assert_eq!(foreign["code"], "INVALID_TOKEN");
    assert_eq!(app.finish_totp_enrolment(&token, &json!("x"), &code).await["code"], "INVALID_TOKEN");

    let finished = app.finish_totp_enrolment(&token, id, &code).await;
    assert_eq!(finished["endedSessionIds"], json!([elsewhere.session_id]), "{finished}");
    let user =
        json!({ "id": ada.user_id, "secondFactors": ["TOTP", "RECOVERY_CODE"], "recoveryCodesLeft": 10 });
    assert_eq!(finished["user"], user);
    assert_eq!(app.me(&token).await, EMAIL, "this session goes on");
    assert_eq!(app.me(&elsewhere.access_token).await, "REVOKED");
    assert_eq!(app.inbox(EMAIL).await[0].template, "second_factor_enabled");
    assert_eq!(app.finish_totp_enrolment(&token, id, &code).await["code"], "INVALID_TOKEN", "only once");

    let refreshed = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    let started = app.start_totp_enrolment(&refreshed.access_token).await;
    let late = Authenticator::of(&started);
    app.advance(Duration::from_mins(30));
    let refreshed = SignedIn::from(&app.refresh(&refreshed.refresh_token).await);
    let expired = app.finish_totp_enrolment(&refreshed.access_token, &started["id"], &late.code(&app)).await;
    assert_eq!(expired["code"], "INVALID_TOKEN", "{expired}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_enrolment_replaces_the_first(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, old) = app.sign_up_enrolled(EMAIL).await;
    app.advance(LATER);
    let refreshed = app.refresh(&ada.refresh_token).await;
    let token = refreshed["accessToken"].as_str().unwrap();
    assert_eq!(app.start_totp_enrolment(token).await["code"], "REAUTHENTICATION_REQUIRED");
    let proven = app.step_up_with(token, json!({ "totp": old.next_code(&app) })).await;
    let new = app.enroll_with(proven["accessToken"].as_str().unwrap()).await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    let refused = app.verify_second_factor(&challenge["id"], json!({ "totp": old.next_code(&app) })).await;
    assert_eq!(refused["code"], "INVALID_OTP");
    let refused =
        app.verify_second_factor(&challenge["id"], json!({ "recoveryCode": old.recovery_codes[0] })).await;
    assert_eq!(refused["code"], "INVALID_OTP");
    let accepted = app.verify_second_factor(&challenge["id"], json!({ "totp": new.next_code(&app) })).await;
    assert_eq!(accepted["__typename"], "AuthPayload", "{accepted}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_factor_steps_up_by_factor_alone(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let token = app.refresh(&ada.refresh_token).await["accessToken"].as_str().unwrap().to_owned();
    let changed = change_password(&app, &token, "another horse battery").await;
    assert_eq!(changed["__typename"], "PasswordChanged", "enrolling was a proof: {changed}");
    app.advance(LATER);
    let changed = change_password(&app, &token, PASSWORD).await;
    assert_eq!(changed["code"], "REAUTHENTICATION_REQUIRED", "the password alone is not enough");

    assert_eq!(app.start_reauthentication(&token, true).await["code"], "SECOND_FACTOR_REQUIRED");
    let begun = app.start_reauthentication(&token, false).await;
    assert_eq!(begun["methods"], json!(["TOTP", "RECOVERY_CODE"]));
    for proof in [json!({ "password": PASSWORD }), json!({ "emailCode": "12345678" })] {
        let refused = app.reauthenticate(&token, &begun["id"], proof).await;
        assert_eq!(refused["code"], "SECOND_FACTOR_REQUIRED");
    }
    let wrong = app.reauthenticate(&token, &begun["id"], json!({ "totp": "000000" })).await;
    assert_eq!(wrong["code"], "INVALID_OTP");
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let done = app.reauthenticate(&token, &begun["id"], proof.clone()).await;
    assert_eq!(done["session"]["methods"], json!(["EMAIL_CODE", "TOTP"]), "{done}");
    let begun = app.start_reauthentication(&token, false).await;
    let spent = app.reauthenticate(&token, &begun["id"], proof).await;
    assert_eq!(spent["code"], "INVALID_OTP", "the code was used");
    let proof = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    let done = app.reauthenticate(&token, &begun["id"], proof).await;
    assert_eq!(done["session"]["methods"], json!(["EMAIL_CODE", "RECOVERY_CODE"]), "{done}");
    assert_eq!(app.remove_totp(&token).await["code"], "REAUTHENTICATION_REQUIRED", "the thief's copy");
    let fresh = done["accessToken"].as_str().unwrap();
    let removed = app.remove_totp(fresh).await;
    assert_eq!(removed, json!({ "__typename": "User", "secondFactors": [], "recoveryCodesLeft": 0 }));
    assert_eq!(app.inbox(EMAIL).await[0].template, "second_factor_removed");
    assert_eq!(app.login(EMAIL, "another horse battery").await["__typename"], "AuthPayload");
    let methods = app.run_as(&token, "{ me { sessions { isCurrent methods } } }", json!({})).await;
    let sessions = methods.data("me")["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|session| session["isCurrent"] == true).unwrap();
    assert_eq!(current["methods"], json!(["EMAIL_CODE"]), "the session counts as opened with one factor");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_are_replaced_as_a_whole(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let grace = app.sign_up_proven("grace@example.org").await;
    assert_eq!(app.regenerate_recovery_codes(&grace.access_token).await["code"], "NOT_ENABLED");
    let (ada, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let token = app.refresh(&ada.refresh_token).await["accessToken"].as_str().unwrap().to_owned();
    let replaced = app.regenerate_recovery_codes(&token).await;
    assert_eq!(replaced["user"]["recoveryCodesLeft"], 10, "{replaced}");
    assert_eq!(replaced["endedSessionIds"], json!([]));
    assert_eq!(app.inbox(EMAIL).await[0].template, "recovery_codes_replaced");
    let challenge = app.login(EMAIL, PASSWORD).await;
    let old = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    assert_eq!(app.verify_second_factor(&challenge["id"], old).await["code"], "INVALID_OTP");
    let new = json!({ "recoveryCode": replaced["recoveryCodes"][0] });
    assert_eq!(app.verify_second_factor(&challenge["id"], new).await["__typename"], "AuthPayload");
    app.advance(LATER);
    assert_eq!(app.regenerate_recovery_codes(&token).await["code"], "REAUTHENTICATION_REQUIRED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_that_a_thief_has_started_does_not_survive_the_owners(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    // a request whose viewer was read before the owner enrolled, and which continues afterwards
    let thief = async {
        let query = "mutation { a: changePassword(input: { currentPassword: \"wrong horse battery\",
                newPassword: \"another horse battery\" }) { __typename }
            b: startTotpEnrolment { __typename ... on TotpEnrolment { id secret } ... on UserError { code } } }";
        app.run_as(&token, query, json!({})).await.body["data"]["b"].clone()
    };
    let owner = app.enroll_with(&token);
    let (thiefs, owners) = tokio::join!(thief, owner);
    if thiefs["__typename"] == "TotpEnrolment" {
        let code = Authenticator::of(&thiefs).code(&app);
        let finished = app.finish_totp_enrolment(&token, &thiefs["id"], &code).await;
        assert_eq!(finished["code"], "INVALID_TOKEN", "{finished}");
    }
    let challenge = app.login(EMAIL, PASSWORD).await;
    let proof = json!({ "totp": owners.next_code(&app) });
    let signed_in = SignedIn::from(&app.verify_second_factor(&challenge["id"], proof).await);

    let started = app.start_totp_enrolment(&signed_in.access_token).await;
    app.sql("UPDATE totps SET credentials_version = credentials_version - 1 WHERE enabled_at IS NULL").await;
    let code = Authenticator::of(&started).code(&app);
    let outdated = app.finish_totp_enrolment(&signed_in.access_token, &started["id"], &code).await;
    assert_eq!(outdated["code"], "INVALID_TOKEN", "the account has changed since the start: {outdated}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_email_address_ends_with_the_enrolment(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("RESEND_COOLDOWN", "1s")]).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let evil = "evil@example.org";
    let challenge = app.change_email(&ada.access_token, evil).await;
    let code = app.code(evil).await;
    app.enroll(&ada, EMAIL).await;
    let refused = app.verify_as(&ada.access_token, evil, &code, Some(&challenge["id"])).await;
    assert_eq!(refused["code"], "INVALID_OTP", "{refused}");
    app.advance(Duration::from_secs(2));
    let mails = app.inbox(evil).await.len();
    app.resend_otp(evil, Some(&challenge["id"])).await;
    assert_eq!(app.inbox(evil).await.len(), mails, "nor can it be continued");
}
