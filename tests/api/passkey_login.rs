use std::time::Duration;

use futures_util::future::join_all;
use gatehouse::secrets::SecretKey;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp,
    passkey_steps::ORIGIN,
    passkeys::{Algorithm, BACKED_UP, BACKUP_ELIGIBLE, SecurityKey, decode},
};

const RACERS: usize = 64;

async fn session_methods(app: &TestApp, access_token: &str) -> Value {
    let query = "{ me { sessions { isCurrent methods } } }";
    let sessions = app.run_as(access_token, query, json!({})).await.data("me")["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|session| session["isCurrent"] == true);
    current.unwrap()["methods"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_in_alone_and_counts_as_two_factors(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    let started = app.start_passkey_login().await;
    assert_eq!(started["options"]["allowCredentials"], json!([]), "nothing about accounts is revealed");
    assert_eq!(started["options"]["userVerification"], "required");
    let credential = key.authenticate(&started["options"], ORIGIN);
    let signed_in = SignedIn::from(&app.passkey_login(&started["id"], &credential).await);
    assert_eq!(session_methods(&app, &signed_in.access_token).await, json!(["PASSKEY"]));
    let payload = decode(signed_in.access_token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["amr"], json!(["mfa", "pop"]));
    // the session is fresh and has two factors, so no further proof is needed
    assert_eq!(
        app.regenerate_recovery_codes(&signed_in.access_token).await["__typename"],
        "SecondFactorsEnabled"
    );
    assert_ne!(app.passkeys(&token).await[0]["lastUsedAt"], Value::Null);

    let again = app.passkey_login(&started["id"], &credential).await;
    assert_eq!(again["code"], "INVALID_TOKEN", "{again}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_ceremonies_wins_on_two_servers(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = TestApp::with(database, &[("RATE_LIMITS", "off"), ("MAX_SESSIONS_PER_USER", "1000")]).await;
    let other = app.another(&[]).await;
    let (_, mut key, _) = app.sign_up_with_passkey(EMAIL).await;
    let started = app.start_passkey_login().await;
    let credential = key.authenticate(&started["options"], ORIGIN);
    let race = (0..RACERS).map(|number| {
        let server = if number % 2 == 0 { &app } else { &other };
        server.passkey_login(&started["id"], &credential)
    });
    let outcomes = join_all(race).await;
    let won = outcomes.iter().filter(|outcome| outcome["__typename"] == "AuthPayload").count();
    assert_eq!(won, 1, "{outcomes:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_fresh_proof_of_this_site_is_refused(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    let started = app.start_passkey_login().await;
    let (id, options) = (&started["id"], &started["options"]);

    for origin in ["https://localhost.example.org", "http://evil.example.org:8000", "http://127.0.0.1:8000"] {
        let mut draft = key.authentication(options, origin);
        draft.data = key.authentication(options, ORIGIN).data;
        let refused = app.passkey_login(id, &draft.sign(&key)).await;
        assert_eq!(refused["code"], "INVALID_CREDENTIALS", "{origin}: {refused}");
    }
    let other = app.start_passkey_login().await;
    let for_other = key.authenticate(&other["options"], ORIGIN);
    assert_eq!(app.passkey_login(id, &for_other).await["code"], "INVALID_CREDENTIALS", "another challenge");
    let mut nameless = key.authentication(options, ORIGIN);
    nameless.user_handle = None;
    let nameless = nameless.sign(&key);
    assert_eq!(app.passkey_login(id, &nameless).await["code"], "INVALID_CREDENTIALS", "no user handle");

    // a challenge for something else
    let begun = "mutation { startReauthentication { ... on Reauthentication { id passkeyOptions } } }";
    let begun = app.run_as(&token, begun, json!({})).await.data("startReauthentication");
    let for_reauthentication = key.authenticate(&begun["passkeyOptions"], ORIGIN);
    assert_eq!(app.passkey_login(&begun["id"], &for_reauthentication).await["code"], "INVALID_TOKEN");
    assert_eq!(app.passkey_login(id, &for_reauthentication).await["code"], "INVALID_CREDENTIALS");

    let mut stranger = SecurityKey::new(Algorithm::Es256);
    stranger.user_handle = key.user_handle.clone();
    let unknown = stranger.authenticate(options, ORIGIN);
    assert_eq!(app.passkey_login(id, &unknown).await["code"], "NOT_FOUND");
    stranger.credential_id = key.credential_id.clone();
    let forged = stranger.authenticate(options, ORIGIN);
    assert_eq!(app.passkey_login(id, &forged).await["code"], "INVALID_CREDENTIALS");

    for malformed in [json!({}), json!([]), json!("x"), json!({ "id": "", "rawId": "", "response": [] })] {
        let refused = app.passkey_login(id, &malformed).await;
        assert_eq!(refused["code"], "INVALID_CREDENTIALS", "{malformed}");
    }
    for id in ["", "x", "00000000-0000-0000-0000-000000000000", "9b2e3d4c-1111-7222-8333-444455556666"] {
        assert_eq!(app.passkey_login(&json!(id), &unknown).await["code"], "INVALID_TOKEN", "{id}");
    }
    let credential = key.authenticate(options, ORIGIN);
    app.advance(Duration::from_mins(61));
    assert_eq!(app.passkey_login(id, &credential).await["code"], "INVALID_TOKEN", "expired");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_device_bound_key_is_noticed(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let person = app.sign_up_proven(EMAIL).await;
    let mut token = app.step_up_by_email(&person.access_token, EMAIL).await;
    for is_synced in [false, true] {
        let mut key = SecurityKey::new(Algorithm::Es256);
        key.sign_count = 7;
        if is_synced {
            key.flags |= BACKUP_ELIGIBLE | BACKED_UP;
        }
        let started = app.start_passkey_enrolment(&token).await;
        let credential = key.register(&started["options"], ORIGIN);
        let added = app.finish_passkey_enrolment(&token, &started["id"], &credential, None).await;
        assert_eq!(added["passkey"]["isSynced"], is_synced, "{added}");
        token = SignedIn::from(&app.sign_in_by_passkey(&mut key).await).access_token;
        key.sign_count = 5;
        let of_copy = app.sign_in_by_passkey(&mut key).await;
        let expected = if is_synced { json!(null) } else { json!("INVALID_CREDENTIALS") };
        assert_eq!(of_copy["code"], expected, "{of_copy}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_and_a_removed_passkey_do_not_sign_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (_, mut key, token) = app.sign_up_with_passkey(EMAIL).await;
    app.sql("UPDATE users SET is_active = false").await;
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "ACCOUNT_DISABLED");
    app.sql("UPDATE users SET is_active = true").await;
    let id = app.passkeys(&token).await[0]["id"].clone();
    assert_eq!(app.remove_passkey(&token, &id).await["__typename"], "User");
    assert_eq!(app.sign_in_by_passkey(&mut key).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload", "no factor is left");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_ceremony_outlives_a_change_of_the_secret_key(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, mut key, _) = app.sign_up_with_passkey(EMAIL).await;
    let started = app.start_passkey_login().await;
    let credential = key.authenticate(&started["options"], ORIGIN);
    let former = app.settings["SECRET_KEY"].clone();
    let fresh = SecretKey::generate().1;
    let rotated = app.another(&[("SECRET_KEY", &fresh), ("SECRET_KEY_FALLBACKS", &former)]).await;
    assert_eq!(rotated.passkey_login(&started["id"], &credential).await["__typename"], "AuthPayload");
    assert_eq!(rotated.sign_in_by_passkey(&mut key).await["__typename"], "AuthPayload");
}
