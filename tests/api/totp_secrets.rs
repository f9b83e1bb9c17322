//! The secrets of authenticator apps in the database.

use gatehouse::{
    second_factors::reseal,
    secrets::SecretKey,
    storage::{recovery_code, totp},
};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::json;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp,
    database::connect,
    process::{gatehouse, output},
    second_factors::Authenticator,
};

async fn works(app: &TestApp, authenticator: &Authenticator, ahead: i64) -> bool {
    let challenge = app.login(EMAIL, PASSWORD).await;
    let proof = json!({ "totp": authenticator.code_in(app, ahead) });
    app.verify_second_factor(&challenge["id"], proof).await["__typename"] == "AuthPayload"
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_in_clear(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = app.start_totp_enrolment(&token).await;
    let authenticator = Authenticator::of(&started);
    let code = authenticator.code(&app);
    let finished = app.finish_totp_enrolment(&token, &started["id"], &code).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let dump = format!(
        "{:?}{:?}",
        totp::Entity::find().all(&on).await.unwrap(),
        recovery_code::Entity::find().all(&on).await.unwrap()
    );
    let secret = started["secret"].as_str().unwrap();
    let bytes = totp_rs::Secret::try_from_base32(secret).unwrap();
    let raw = bytes.as_bytes();
    for clear in [
        secret.to_owned(),
        hex::encode(raw),
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw),
    ] {
        assert!(!dump.contains(&clear), "{clear}");
    }
    for code in finished["recoveryCodes"].as_array().unwrap() {
        let code = code.as_str().unwrap();
        assert!(!dump.contains(code) && !dump.contains(&code.replace('-', "")), "{code}");
    }
    // a secret cannot be moved to another account
    let (_, eves) = app.sign_up_enrolled("eve@example.org").await;
    app.sql(&format!(
        "UPDATE totps SET sealed_secret = (SELECT sealed_secret FROM totps WHERE user_id <> (SELECT id FROM users WHERE email = '{EMAIL}'))
            WHERE user_id = (SELECT id FROM users WHERE email = '{EMAIL}')"
    ))
    .await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    let query = "mutation($id: ID!, $totp: String!) { verifySecondFactor(id: $id, proof: { totp: $totp }) { __typename } }";
    let variables = json!({ "id": challenge["id"], "totp": eves.next_code(&app) });
    assert_eq!(app.run(query, variables).await.code(), "INTERNAL");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_key_locks_nobody_out(#[values(Sqlite, Postgres)] database: Database) {
    let before = TestApp::start(database).await;
    let (_, authenticator) = before.sign_up_enrolled(EMAIL).await;
    let former = before.settings["SECRET_KEY"].clone();
    let fresh = SecretKey::generate().1;
    let during = before.another(&[("SECRET_KEY", &fresh), ("SECRET_KEY_FALLBACKS", &former)]).await;
    assert!(works(&during, &authenticator, 1).await, "while the secret is encrypted under the former key");
    let folder = tempfile::tempdir().unwrap();
    let config = || {
        let settings = [
            ("DATABASE_URL", before.settings["DATABASE_URL"].as_str()),
            ("SECRET_KEY", fresh.as_str()),
            ("SECRET_KEY_FALLBACKS", former.as_str()),
        ];
        String::from_utf8(output(gatehouse(folder.path(), &["config"], &settings), "").stdout).unwrap()
    };
    let said = config();
    assert!(said.contains("1 stored secret still needs SECRET_KEY_FALLBACKS"), "{said}");

    assert_eq!(reseal(&during.app).await.unwrap(), 0);
    let said = config();
    assert!(said.contains("No stored secret needs SECRET_KEY_FALLBACKS"), "{said}");
    let after = before.another(&[("SECRET_KEY", &fresh)]).await;
    after.advance(crate::support::second_factors::STEP * 2);
    assert!(works(&after, &authenticator, 0).await, "without the former key");

    // a key that was dropped too early can come back
    let lost = before.another(&[("SECRET_KEY", &SecretKey::generate().1)]).await;
    assert_eq!(reseal(&lost.app).await.unwrap(), 1);
    lost.advance(crate::support::second_factors::STEP * 4);
    let challenge = lost.login(EMAIL, PASSWORD).await;
    let proof = json!({ "recoveryCode": authenticator.recovery_codes[0] });
    assert_eq!(lost.verify_second_factor(&challenge["id"], proof).await["__typename"], "AuthPayload");
}
