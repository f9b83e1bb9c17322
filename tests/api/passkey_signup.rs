use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    passkey_steps::ORIGIN,
    passkeys::{Algorithm, SecurityKey},
};

const MANDATORY: (&str, &str) = ("EMAIL_VERIFICATION", "mandatory");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_begins_and_is_used_without_a_password(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (signed_up, mut key) =
        app.sign_up_by_passkey(json!({ "email": EMAIL, "name": "Ada Lovelace" })).await;
    let ada = SignedIn::from(&signed_up);
    let me = "{ me { id name hasPassword secondFactors recoveryCodesLeft passkeys { name } } }";
    let me = app.run_as(&ada.access_token, me, json!({})).await.data("me");
    assert_eq!(
        (&me["name"], &me["hasPassword"], &me["secondFactors"], &me["recoveryCodesLeft"]),
        (&json!("Ada Lovelace"), &json!(false), &json!(["PASSKEY"]), &json!(0))
    );
    let codes = app.regenerate_recovery_codes(&ada.access_token).await;
    assert_eq!(codes["user"]["recoveryCodesLeft"], 10, "{codes}");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["user"]["id"], me["id"]);
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");

    let id = app.passkeys(&ada.access_token).await[0]["id"].clone();
    assert_eq!(app.remove_passkey(&ada.access_token, &id).await["code"], "LAST_SIGN_IN_METHOD");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_username_is_enough_where_email_addresses_are_optional(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("EMAIL_REQUIRED", "false"), NO_VERIFICATION]).await;
    let started = app.start_passkey_signup(json!({ "username": "Grace" })).await;
    assert_eq!(started["options"]["user"]["name"], "Grace");
    let mut key = SecurityKey::new(Algorithm::EdDsa);
    let credential = key.register(&started["options"], ORIGIN);
    assert_eq!(app.passkey_signup(&started["id"], &credential).await["__typename"], "AuthPayload");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["user"]["username"], "Grace");
    let again = app.passkey_signup(&started["id"], &credential).await;
    assert_eq!(again["code"], "INVALID_TOKEN", "a ceremony creates one account");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_details_are_told_before_a_passkey_is_created(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    let refused = app.start_passkey_signup(json!({ "email": EMAIL })).await;
    assert_eq!(refused["code"], "EMAIL_TAKEN", "{refused}");
    let refused = app.start_passkey_signup(json!({ "email": "x", "username": "a" })).await;
    let fields: Vec<&Value> =
        refused["fields"].as_array().unwrap().iter().map(|field| &field["field"]).collect();
    assert_eq!(fields, ["email", "username"], "{refused}");

    let off = app.another(&[("SIGNUP", "off")]).await;
    assert_eq!(off.start_passkey_signup(json!({ "email": "b@example.org" })).await["code"], "NOT_ENABLED");
    let no_domain = app.another(&[("PASSKEY_RP_ID", "off")]).await;
    assert_eq!(
        no_domain.start_passkey_signup(json!({ "email": "b@example.org" })).await["code"],
        "NOT_ENABLED"
    );
    assert_eq!(no_domain.start_passkey_login().await["code"], "NOT_ENABLED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_want_one_name_are_told(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (mut first, mut second) = (SecurityKey::new(Algorithm::Es256), SecurityKey::new(Algorithm::Rs256));
    let begun = app.start_passkey_signup(json!({ "email": EMAIL })).await;
    let begun_too = app.start_passkey_signup(json!({ "email": EMAIL })).await;
    let credential = first.register(&begun["options"], ORIGIN);
    assert_eq!(app.passkey_signup(&begun["id"], &credential).await["__typename"], "AuthPayload");
    let credential = second.register(&begun_too["options"], ORIGIN);
    assert_eq!(app.passkey_signup(&begun_too["id"], &credential).await["code"], "EMAIL_TAKEN");
    // a credential of somebody else's account
    let begun = app.start_passkey_signup(json!({ "email": "eve@example.org" })).await;
    let credential = first.register(&begun["options"], ORIGIN);
    assert_eq!(app.passkey_signup(&begun["id"], &credential).await["code"], "INVALID_TOKEN");
    let of_eve = app.login("eve@example.org", PASSWORD).await;
    assert_eq!(of_eve["code"], "INVALID_CREDENTIALS", "no account was left behind");
    app.sign_up("eve@example.org").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_who_signed_up_keeps_the_passkey(#[values(Sqlite, Postgres)] database: Database) {
    for is_owner in [true, false] {
        let app = TestApp::with(database, &[MANDATORY]).await;
        let (challenge, mut key) = app.sign_up_by_passkey(json!({ "email": EMAIL })).await;
        assert_eq!(challenge["__typename"], "EmailChallenge", "{challenge}");
        assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "NOT_FOUND", "no account yet");
        let code = app.code(EMAIL).await;
        let proven = app.verify(EMAIL, &code, is_owner.then_some(&challenge["id"])).await;
        if is_owner {
            // the passkey is a second factor from the beginning
            assert_eq!(proven["__typename"], "SecondFactorChallenge", "{proven}");
            assert_eq!(app.verify_passkey(&proven, &mut key).await["__typename"], "AuthPayload");
            assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
        } else {
            // somebody else signed up with this person's address
            assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
            assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "NOT_FOUND");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_address_takes_a_squatters_passkey_away(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("RESEND_COOLDOWN", "1s")]).await;
    let (squatted, mut key) = app.sign_up_by_passkey(json!({ "email": EMAIL })).await;
    let squatter = SignedIn::from(&squatted);
    // no further factor while the address is unproven
    assert_eq!(app.start_passkey_enrolment(&squatter.access_token).await["code"], "NOT_ENABLED");
    assert_eq!(app.start_totp_enrolment(&squatter.access_token).await["code"], "NOT_ENABLED");
    app.advance(std::time::Duration::from_secs(61));
    app.request_login_code(EMAIL).await;
    let owner = app.verify(EMAIL, &app.code(EMAIL).await, None).await;
    assert_eq!(owner["__typename"], "AuthPayload", "{owner}");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "NOT_FOUND");
    assert_eq!(app.me(&squatter.access_token).await, "REVOKED");
    assert_eq!(app.second_factors(owner["accessToken"].as_str().unwrap()).await["secondFactors"], json!([]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_an_old_passkey_of_a_squatter_away(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key) = app.sign_up_by_passkey(json!({ "email": EMAIL })).await;
    app.advance(std::time::Duration::from_hours(73));
    app.request_reset(EMAIL).await;
    let token = app.token_in(EMAIL, "password_reset").await.unwrap();
    app.reset(&token, PASSWORD).await;
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "NOT_FOUND");
}
