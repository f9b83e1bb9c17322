use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    passkey_steps::ORIGIN,
    passkeys::{Algorithm, SecurityKey},
};

const RACERS: usize = 64;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_passkey_needs_a_proof_by_email(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let unproven = app.sign_up(EMAIL).await;
    assert_eq!(app.start_passkey_enrolment(&unproven.access_token).await["code"], "NOT_ENABLED");
    let ada = app.sign_up_proven("lovelace@example.org").await;
    let by_password = app.step_up(&ada.access_token).await;
    assert_eq!(app.start_passkey_enrolment(&by_password).await["code"], "REAUTHENTICATION_REQUIRED");
    let by_email = app.step_up_by_email(&ada.access_token, "lovelace@example.org").await;
    let (added, _) = app.add_passkey(&by_email).await;
    assert_eq!(added["recoveryCodes"].as_array().unwrap().len(), 10);
    // adding a second passkey requires the first
    assert_eq!(app.start_passkey_enrolment(&by_email).await["code"], "REAUTHENTICATION_REQUIRED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn adding_a_passkey_ends_other_sessions_and_tells_the_owner(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let elsewhere = app.sign_in(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let (added, mut key) = app.add_passkey(&token).await;
    assert_eq!(added["endedSessionIds"].as_array().unwrap().len(), 1);
    assert_eq!(app.me(&elsewhere.access_token).await, "REVOKED");
    assert_eq!(app.inbox(EMAIL).await[0].template, "passkey_added");
    assert_eq!(added["passkey"]["name"], "Passkey");
    assert_eq!(added["user"]["secondFactors"], json!(["PASSKEY", "RECOVERY_CODE"]));

    let token = app.step_up_by_passkey(&token, &mut key).await;
    let started = app.start_passkey_enrolment(&token).await;
    assert_eq!(
        started["options"]["excludeCredentials"][0]["id"],
        app.passkeys(&token).await[0]["credentialId"]
    );
    let mut another = SecurityKey::new(Algorithm::Rs256);
    let credential = another.register(&started["options"], ORIGIN);
    assert_eq!(another.user_handle, key.user_handle, "authenticators show one account");
    let (id, name) = (&started["id"], Some("  Key ring "));
    let added = app.finish_passkey_enrolment(&token, id, &credential, name).await;
    assert_eq!((&added["passkey"]["name"], &added["recoveryCodes"]), (&json!("Key ring"), &Value::Null));
    let again = app.finish_passkey_enrolment(&token, id, &credential, name).await;
    assert_eq!(again["code"], "INVALID_TOKEN");
    for mut key in [key, another] {
        assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_a_right_response_to_ones_own_ceremony_counts(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    let (_, _, eves) = app.sign_up_with_passkey("eve@example.org").await;
    let started = app.start_passkey_enrolment(&token).await;
    let mut new = SecurityKey::new(Algorithm::EdDsa);
    let credential = new.register(&started["options"], ORIGIN);
    let by_eve = app.finish_passkey_enrolment(&eves, &started["id"], &credential, None).await;
    assert_eq!(by_eve["code"], "INVALID_TOKEN");
    let elsewhere = new.register(&started["options"], "https://evil.example.org");
    let unverified = {
        let mut draft = new.registration(&started["options"], ORIGIN);
        draft.data.flags &= !crate::support::passkeys::USER_VERIFIED;
        draft.sign(&new)
    };
    // another account's credential, without asking that account's key
    let mut of_eve = app.start_passkey_enrolment(&token).await["options"].clone();
    of_eve["excludeCredentials"] = json!([]);
    of_eve["challenge"] = started["options"]["challenge"].clone();
    let taken = key.register(&of_eve, ORIGIN);
    for wrong in [elsewhere, unverified, taken, json!({}), json!(17)] {
        let refused = app.finish_passkey_enrolment(&token, &started["id"], &wrong, None).await;
        assert_eq!(refused["code"], "INVALID_CREDENTIALS", "{wrong}");
    }
    let long = "x".repeat(65);
    let refused = app.finish_passkey_enrolment(&token, &started["id"], &credential, Some(&long)).await;
    assert_eq!(refused["code"], "INVALID_INPUT");
    let added = app.finish_passkey_enrolment(&token, &started["id"], &credential, Some(" ")).await;
    assert_eq!(added["passkey"]["name"], "Passkey", "the ceremony survives wrong responses: {added}");

    let started = app.start_passkey_enrolment(&token).await;
    let late = SecurityKey::new(Algorithm::Es256).register(&started["options"], ORIGIN);
    app.advance(Duration::from_mins(11));
    assert_eq!(
        app.finish_passkey_enrolment(&token, &started["id"], &late, None).await["code"],
        "INVALID_TOKEN"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_enrolments_is_the_first(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("RATE_LIMITS", "off")]).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = join_all((0..RACERS).map(|_| app.start_passkey_enrolment(&token))).await;
    let race = started.iter().map(|started| {
        let credential = SecurityKey::new(Algorithm::Es256).register(&started["options"], ORIGIN);
        let (app, token) = (&app, &token);
        async move { app.finish_passkey_enrolment(token, &started["id"], &credential, None).await }
    });
    let outcomes = join_all(race).await;
    let won = outcomes.iter().filter(|outcome| outcome["__typename"] == "PasskeyEnrolled").count();
    assert_eq!(won, 1, "the losers have given no proof of the first factor: {outcomes:?}");
    assert_eq!(app.passkeys(&token).await.as_array().unwrap().len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_renamed_and_removed_by_their_owner(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, _, token) = app.sign_up_with_passkey(EMAIL).await;
    let (_, _, eves) = app.sign_up_with_passkey("eve@example.org").await;
    let id = app.passkeys(&token).await[0]["id"].clone();
    assert_eq!(app.rename_passkey(&token, &id, "Phone").await["name"], "Phone");
    assert_eq!(app.rename_passkey(&eves, &id, "Hers").await["code"], "NOT_FOUND");
    for wrong in ["", "  ", "a\nb", &"x".repeat(65)] {
        assert_eq!(app.rename_passkey(&token, &id, wrong).await["code"], "INVALID_INPUT", "{wrong:?}");
    }
    assert_eq!(app.remove_passkey(&eves, &id).await["__typename"], "User", "nothing happens");
    assert_eq!(app.passkeys(&token).await[0]["name"], "Phone");
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    assert_eq!(app.run_as(&token, node, json!({ "id": id })).await.data("node")["__typename"], "Passkey");
    assert_eq!(app.run_as(&eves, node, json!({ "id": id })).await.data("node"), Value::Null);

    app.advance(Duration::from_mins(11));
    assert_eq!(app.remove_passkey(&token, &id).await["code"], "REAUTHENTICATION_REQUIRED");
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["methods"], json!(["PASSKEY", "RECOVERY_CODE"]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_last_factor_takes_recovery_codes_and_the_level_of_sessions_with_it(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    let authenticator = app.enroll_with(&token).await;
    let other = SignedIn::from(&app.sign_in_by_passkey(&mut key).await);
    let id = app.passkeys(&token).await[0]["id"].clone();
    let removed = app.remove_passkey(&token, &id).await;
    assert_eq!(removed["secondFactors"], json!(["TOTP", "RECOVERY_CODE"]), "{removed}");
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!((&challenge["methods"][0], &challenge["passkeyOptions"]), (&json!("TOTP"), &Value::Null));
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let fresh = SignedIn::from(&app.verify_second_factor(&challenge["id"], proof).await);

    let removed = app.remove_totp(&fresh.access_token).await;
    assert_eq!((&removed["secondFactors"], &removed["recoveryCodesLeft"]), (&json!([]), &json!(0)));
    let methods = "{ me { sessions { methods } } }";
    let sessions = app.run_as(&other.access_token, methods, json!({})).await.data("me");
    assert!(
        !sessions.to_string().contains("PASSKEY") && !sessions.to_string().contains("TOTP"),
        "{sessions}"
    );
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_twenty_passkeys_at_most() {
    let app = TestApp::with(Sqlite, &[("RATE_LIMITS", "off")]).await;
    let (_, _, token) = app.sign_up_with_passkey(EMAIL).await;
    for _ in 1..20 {
        app.add_passkey(&token).await;
    }
    let refused = app.start_passkey_enrolment(&token).await;
    assert_eq!(refused["code"], "INVALID_INPUT", "{refused}");
}
