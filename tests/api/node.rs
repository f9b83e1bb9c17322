//! What others must be able to rely on, judged by programs that others wrote, in another language: see `tests/node`.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{EMAIL, Sqlite, TestApp};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() {
    let app = TestApp::start(Sqlite).await;
    let audits = node(&["audit.mjs", &format!("{}/graphql", app.url)]);
    assert!(audits.status.success(), "{}{}", text(&audits.stdout), text(&audits.stderr));
    assert_eq!(text(&audits.stdout), "61 of 61 audits are ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_verifies_elsewhere_through_the_jwks() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let verified = node(&["verify.mjs", &app.url, &ada.access_token]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let mut claims: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let [issued_at, expires_at] = ["iat", "exp"].map(|claim| claims[claim].take().as_i64().unwrap());
    assert_eq!(expires_at - issued_at, 30 * 60);
    assert!(claims["jti"].take().is_string());
    assert_eq!(
        claims,
        json!({
            "iss": app.url, "aud": app.url, "client_id": "gatehouse", "sub": ada.user_id, "sid": ada.session_id,
            "rc": 0, "iat": null, "exp": null, "jti": null,
            "email": EMAIL, "email_verified": false, "role": "USER",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_altered_by_one_character_verifies_nowhere() {
    let app = TestApp::start(Sqlite).await;
    let token = app.sign_up(EMAIL).await.access_token;
    let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
    for (part, at) in [("claims", dots[0] + 20), ("signature", dots[1] + 20)] {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut altered = token.clone();
        altered.replace_range(at..=at, other);
        let refused = node(&["verify.mjs", &app.url, &altered]);
        assert!(!refused.status.success(), "{part}");
        let why = text(&refused.stderr);
        assert!(why.contains("ERR_JWS_SIGNATURE_VERIFICATION_FAILED"), "{part}: {why}");
    }
}

/// Runs a script of `tests/node`. It may block: the server has threads of its own.
fn node(arguments: &[&str]) -> Output {
    install();
    run("node", arguments)
}

/// Installs what the scripts import, unless it is there already.
fn install() {
    // others wait here, be they threads or processes, until it is closed
    let alone = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/npm.lock")).unwrap();
    alone.lock().unwrap();
    let changed = |file: &str| fs::metadata(Path::new(FOLDER).join(file)).and_then(|file| file.modified());
    // npm writes it when everything else is in place
    let is_current = changed("node_modules/.package-lock.json")
        .is_ok_and(|installed| installed >= changed("package-lock.json").unwrap());
    if !is_current {
        let installed = run("npm", &["ci", "--ignore-scripts"]);
        assert!(installed.status.success(), "`npm ci` in {FOLDER} failed: {}", text(&installed.stderr));
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(FOLDER).output().unwrap_or_else(|error| {
        panic!("{program} did not start: {error}. This test needs Node.js 20 or newer, with npm (https://nodejs.org)")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
