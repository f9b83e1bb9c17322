//! Passkeys as second factors, and what resets and undo links do to them.

use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp,
    passkey_steps::ORIGIN,
    passkeys::{Algorithm, SecurityKey},
};

/// Longer than the time in which a change can be undone.
const LONG: Duration = Duration::from_hours(73);

async fn reset(app: &TestApp) -> Value {
    app.request_reset(EMAIL).await;
    let token = app.token_in(EMAIL, "password_reset").await.unwrap();
    app.reset(&token, PASSWORD).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_completes_a_sign_in_once(#[values(Sqlite, Postgres, Serializable)] database: Database) {
    let app = TestApp::with(database, &[("RATE_LIMITS", "off"), ("MAX_SESSIONS_PER_USER", "1000")]).await;
    let other = app.another(&[]).await;
    let (_, mut key, _) = app.sign_up_with_passkey(EMAIL).await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["methods"], json!(["PASSKEY", "RECOVERY_CODE"]), "{challenge}");
    let credential = key.authenticate(&challenge["passkeyOptions"], ORIGIN);
    let proof = json!({ "passkey": credential });
    let race = (0..64).map(|number| {
        let server = if number % 2 == 0 { &app } else { &other };
        server.verify_second_factor(&challenge["id"], proof.clone())
    });
    let outcomes = join_all(race).await;
    let won = outcomes.iter().filter(|outcome| outcome["__typename"] == "AuthPayload").count();
    assert_eq!(won, 1, "{outcomes:?}");
    let another = app.login(EMAIL, PASSWORD).await;
    let replayed = app.verify_second_factor(&another["id"], proof).await;
    assert_eq!(replayed["code"], "INVALID_CREDENTIALS", "it was made for another challenge");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_users_passkey_is_wrong(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_with_passkey(EMAIL).await;
    let (_, mut eves, eves_token) = app.sign_up_with_passkey("eve@example.org").await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    let mut options = challenge["passkeyOptions"].clone();
    options["allowCredentials"] = json!([]);
    for is_nameless in [false, true] {
        let mut draft = eves.authentication(&options, ORIGIN);
        if is_nameless {
            draft.user_handle = None;
        }
        let proof = json!({ "passkey": draft.sign(&eves) });
        assert_eq!(app.verify_second_factor(&challenge["id"], proof).await["code"], "INVALID_CREDENTIALS");
    }
    // nor does a passkey that is not Eve's confirm her identity in her session
    let begun = "mutation { startReauthentication { ... on Reauthentication { id passkeyOptions } } }";
    let begun = app.run_as(&eves_token, begun, json!({})).await.data("startReauthentication");
    let mut stranger = SecurityKey::new(Algorithm::Es256);
    let mut open = begun["passkeyOptions"].clone();
    open["allowCredentials"] = json!([]);
    let proof = json!({ "passkey": stranger.authenticate(&open, ORIGIN) });
    assert_eq!(app.reauthenticate(&eves_token, &begun["id"], proof).await["code"], "INVALID_CREDENTIALS");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_do_not_keep_the_owner_from_a_passkey(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    app.enroll_with(&token).await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    for _ in 0..20 {
        app.verify_second_factor(&challenge["id"], json!({ "totp": "000000" })).await;
    }
    assert_eq!(app.verify_passkey(&challenge, &mut key).await["__typename"], "AuthPayload");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_removes_a_young_passkey_and_never_an_older_one(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("RESEND_COOLDOWN", "1s")]).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let (_, mut old) = app.add_passkey(&token).await;
    app.advance(LONG);
    let recent = app.sign_in_by_passkey(&mut old).await;
    let (_, mut young) = app.add_passkey(recent["accessToken"].as_str().unwrap()).await;
    app.advance(Duration::from_mins(2));
    reset(&app).await;
    assert_eq!(app.sign_in_by_passkey(&mut young).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.sign_in_by_passkey(&mut old).await["__typename"], "AuthPayload");
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["methods"], json!(["PASSKEY", "RECOVERY_CODE"]), "{challenge}");

    // undoing the reset brings the recent passkey back
    let token = app.token_in(EMAIL, "password_was_reset").await.expect("the notice has a link");
    app.revert(&token, None).await;
    assert_eq!(app.sign_in_by_passkey(&mut young).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_passkey_undoes_it(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let (_, mut key) = app.add_passkey(&token).await;
    let link = app.token_in(EMAIL, "passkey_added").await.expect("the notice has a link");
    app.revert(&link, None).await;
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "NOT_FOUND");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_notice_of_a_removal_restores_the_passkey(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let (_, mut key) = app.add_passkey(&token).await;
    app.advance(LONG);
    let thief = app.sign_in_by_passkey(&mut key).await;
    let thief = thief["accessToken"].as_str().unwrap();
    let id = app.passkeys(thief).await[0]["id"].clone();
    assert_eq!(app.remove_passkey(thief, &id).await["secondFactors"], json!([]));
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "INVALID_CREDENTIALS");
    let notice = app.inbox(EMAIL).await[0].clone();
    assert!(notice.text.contains("It was your last second factor"), "{}", notice.text);
    let link = app.token_in(EMAIL, "passkey_removed").await.expect("the notice has a link");
    app.revert(&link, None).await;
    assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
    assert_eq!(app.me(thief).await, "REVOKED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_removes_passkeys_too(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    let id: Value = app.run_as(&token, "{ me { id } }", json!({})).await.data("me")["id"].clone();
    let admin = app.sign_up_as("superuser", "root@example.org").await;
    let query = "mutation($id: ID!) { resetSecondFactors(id: $id) { __typename ... on UserError { code } } }";
    let reset = app.run_as(&admin.access_token, query, json!({ "id": id })).await.data("resetSecondFactors");
    assert_eq!(reset["__typename"], "User", "{reset}");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_only_way_in_is_not_reset(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("EMAIL_REQUIRED", "false"), NO_VERIFICATION]).await;
    let (grace, mut key) = app.sign_up_by_passkey(json!({ "username": "grace" })).await;
    let admin = app.sign_up_as("superuser", "root@example.org").await;
    let query = "mutation($id: ID!) { resetSecondFactors(id: $id) { __typename ... on UserError { code } } }";
    let variables = json!({ "id": grace["user"]["id"] });
    let reset = app.run_as(&admin.access_token, query, variables).await.data("resetSecondFactors");
    assert_eq!(reset["code"], "LAST_SIGN_IN_METHOD", "{reset}");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_passkey_gets_an_account_back_that_a_thief_has_moved(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (signed_up, mut key) = app.sign_up_by_passkey(json!({ "email": EMAIL })).await;
    let ada = SignedIn::from(&signed_up);
    let proven = app.verify_as(&ada.access_token, EMAIL, &app.code(EMAIL).await, None).await;
    assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
    app.advance(LONG);
    // the thief has a recent access token
    let thief = SignedIn::from(&app.sign_in_by_passkey(&mut key).await);
    let challenge = app.change_email(&thief.access_token, "eve@example.org").await;
    assert_eq!(challenge["__typename"], "EmailChallenge", "{challenge}");
    let code = app.code("eve@example.org").await;
    app.verify_as(&thief.access_token, "eve@example.org", &code, Some(&challenge["id"])).await;
    let (_, mut thiefs) = app.add_passkey(&thief.access_token).await;
    let own = app.passkeys(&thief.access_token).await[0]["id"].clone();
    assert_eq!(app.remove_passkey(&thief.access_token, &own).await["__typename"], "User");

    let link = app.token_in(EMAIL, "email_changed").await.expect("the notice has a link");
    app.revert(&link, None).await;
    assert_eq!(app.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
    assert_eq!(app.sign_in_by_passkey(&mut thiefs).await["code"], "NOT_FOUND");
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
}
