//! The documents from which browsers and password managers learn where passkeys work.

use serde_json::{Value, json};

use crate::support::{Sqlite, TestApp};

async fn document(app: &TestApp, path: &str) -> (u16, Value) {
    let answer = app.http.get(format!("{}{path}", app.url)).send().await.unwrap();
    let status = answer.status().as_u16();
    assert!(status != 200 || answer.headers()["access-control-allow-origin"] == "*", "{path}");
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_and_the_page_for_passkeys_are_told() {
    let app = TestApp::with(
        Sqlite,
        &[
            ("PASSKEY_RP_ID", "example.org"),
            ("PASSKEY_ORIGINS", "https://app.example.org,https://example.net,android:apk-key-hash:x"),
            ("PASSKEY_MANAGE_URL", "https://app.example.org/security"),
        ],
    )
    .await;
    let origins = json!({ "origins": ["https://app.example.org", "https://example.net"] });
    assert_eq!(document(&app, "/.well-known/webauthn").await, (200, origins));
    let page = "https://app.example.org/security";
    let endpoints = json!({ "enroll": page, "manage": page });
    assert_eq!(document(&app, "/.well-known/passkey-endpoints").await, (200, endpoints));
    let settings = app.run("{ authSettings { passkeyRpId } }", json!({})).await.data("authSettings");
    assert_eq!(settings["passkeyRpId"], "example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_page_or_without_passkeys_says_so() {
    let app = TestApp::start(Sqlite).await;
    assert_eq!(document(&app, "/.well-known/passkey-endpoints").await, (200, json!({})));
    let off = app.another(&[("PASSKEY_RP_ID", "off")]).await;
    for path in ["/.well-known/webauthn", "/.well-known/passkey-endpoints"] {
        assert_eq!(document(&off, path).await.0, 404, "{path}");
    }
    let settings = off.run("{ authSettings { passkeyRpId } }", json!({})).await.data("authSettings");
    assert_eq!(settings["passkeyRpId"], Value::Null);
}
