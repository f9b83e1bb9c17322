//! Compliance with specifications, checked by independent programs in another language: see `tests/node`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    EMAIL, Sqlite, TestApp,
    node::{node, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_the_graphql_over_http_specification_passes() {
    let app = TestApp::start(Sqlite).await;
    let audits = node(&["audit.mjs", &format!("{}/graphql", app.url)]);
    assert!(audits.status.success(), "{}{}", text(&audits.stdout), text(&audits.stderr));
    assert_eq!(text(&audits.stdout), "61 of 61 audits are ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_service_verifies_an_access_token_through_the_jwks() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let verified = node(&["verify.mjs", &app.url, &ada.access_token]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let mut claims: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let [issued_at, expires_at] = ["iat", "exp"].map(|claim| claims[claim].take().as_i64().unwrap());
    assert_eq!(expires_at - issued_at, 30 * 60);
    assert!(claims["jti"].take().is_string());
    assert_eq!(claims["auth_time"].take(), issued_at);
    assert_eq!(
        claims,
        json!({
            "iss": app.url, "aud": app.url, "client_id": "gatehouse", "sub": ada.user_id, "sid": ada.session_id,
            "rc": 0, "iat": null, "exp": null, "jti": null,
            "auth_time": null, "amr": ["pwd"],
            "email": EMAIL, "email_verified": false, "role": "USER",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_altered_by_one_character_is_refused_everywhere() {
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

#[rstest]
#[case("EdDSA", Err("invalid algorithm"))]
#[case("ES256", Ok(()))]
#[case("RS256", Ok(()))]
#[tokio::test(flavor = "multi_thread")]
async fn a_library_without_ed25519_verifies_the_other_algorithms(
    #[case] algorithm: &str,
    #[case] expected: Result<(), &str>,
) {
    let app = TestApp::with(Sqlite, &[("JWT_ALGORITHM", algorithm)]).await;
    let ada = app.sign_up(EMAIL).await;
    let verified = node(&["verify_rsa_or_ec.mjs", &app.url, &ada.access_token]);
    match expected {
        Ok(()) => {
            assert!(verified.status.success(), "{}", text(&verified.stderr));
            let claims: Value = serde_json::from_slice(&verified.stdout).unwrap();
            assert_eq!(claims["sub"], ada.user_id);
        }
        Err(why) => assert_eq!(text(&verified.stderr).trim(), why),
    }
    let verified = node(&["verify.mjs", &app.url, &ada.access_token, algorithm]);
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[rstest]
#[case::jose(0, "EdDSA")]
#[case::jsonwebtoken(1, "ES256")]
#[case::jsonwebtoken(1, "RS256")]
#[tokio::test(flavor = "multi_thread")]
async fn the_recipes_for_node_js_verify_access_tokens(#[case] example: usize, #[case] algorithm: &str) {
    let app = TestApp::with(Sqlite, &[("JWT_ALGORITHM", algorithm)]).await;
    let ada = app.sign_up(EMAIL).await;
    let page = include_str!("../../playground/docs/verifying-tokens.md");
    let recipe = page.split("```js\n").nth(example + 1).unwrap().split("```").next().unwrap();
    let recipe = recipe.replace("http://127.0.0.1:8000", &app.url);
    let (header, rest) = ada.access_token.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let reversed: String = signature.chars().rev().collect();
    let script = format!(
        "{recipe}
         const tried = async (token) => {{ try {{ return (await authenticate(token)).sub; }} catch {{ return null; }} }};
         const tokens = {};
         console.log(JSON.stringify(await Promise.all(tokens.map(tried))));",
        serde_json::json!([
            ada.access_token,
            ada.refresh_token,
            format!("{header}.{body}."),
            format!("{header}.{body}.{reversed}"),
            "x",
        ])
    );
    let ran = node(&["--input-type=module", "--eval", &script]);
    let verified: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", text(&ran.stderr)));
    assert_eq!(verified, serde_json::json!([ada.user_id, null, null, null, null]));
}
