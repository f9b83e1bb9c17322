//! Access tokens as other services see them: keys, metadata, claims, and which tokens are refused.

use aws_lc_rs::hkdf;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use gatehouse::secrets::SecretKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, jwk::JwkSet};
use serde_json::{Value, json};

use crate::support::{Answer, EMAIL, PASSWORD, SignedIn, Sqlite, TestApp};

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}{path}", app.url))).await
}

pub(crate) async fn jwks(app: &TestApp) -> JwkSet {
    serde_json::from_value(get(app, "/.well-known/jwks.json").await.body).unwrap()
}

/// Returns the header and the claims of a token, without verifying it.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let mut parts =
        token.split('.').map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap_or_default()));
    (parts.next().unwrap().unwrap(), parts.next().unwrap().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_service_verifies_a_token_through_the_metadata() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let metadata = get(&app, "/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.body["issuer"], app.url);
    assert_eq!(metadata.body["jwks_uri"], format!("{}/.well-known/jwks.json", app.url));
    assert_eq!(metadata.header("content-type"), "application/json; charset=utf-8");
    let jwks = jwks(&app).await;
    let kid = jsonwebtoken::decode_header(&ada.access_token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[&app.url]);
    validation.set_issuer(&[&app.url]);
    let claims = decode::<Value>(&ada.access_token, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_at_the_paths_of_oauth_and_openid_with_and_without_the_issuers_path() {
    let app = TestApp::with(Sqlite, &[("JWT_ISSUER", "https://example.org/accounts/")]).await;
    let expected = json!({
        "issuer": "https://example.org/accounts/",
        "jwks_uri": format!("{}/.well-known/jwks.json", app.url),
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "ES256"],
    });
    for name in
        ["oauth-authorization-server", "openid-configuration"].map(|name| format!("/.well-known/{name}"))
    {
        for path in [name.clone(), format!("{name}/accounts"), format!("/accounts{name}")] {
            assert_eq!(get(&app, &path).await.body, expected, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jwks_contains_only_public_keys() {
    let app = TestApp::start(Sqlite).await;
    let keys = get(&app, "/.well-known/jwks.json").await;
    assert_eq!(keys.header("cache-control"), "public, max-age=300");
    let mut keys = keys.body["keys"].as_array().unwrap().clone();
    for key in &mut keys {
        let names = if key["kty"] == "EC" { &["kid", "x", "y"][..] } else { &["kid", "x"] };
        for name in names {
            assert_eq!(key[name].take().as_str().unwrap().len(), 43, "{name}");
        }
    }
    assert_eq!(
        keys,
        [
            json!({ "alg": "EdDSA", "crv": "Ed25519", "kid": null, "kty": "OKP", "use": "sig", "x": null }),
            json!({ "alg": "ES256", "crv": "P-256", "kid": null, "kty": "EC", "use": "sig", "x": null, "y": null }),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_can_be_signed_for_libraries_without_ed25519() {
    let app = TestApp::start(Sqlite).await;
    let before = app.sign_up(EMAIL).await.access_token;
    let app = app.another(&[("JWT_ALGORITHM", "ES256")]).await;
    let after = app.sign_in(EMAIL).await.access_token;
    assert_eq!(parts(&before).0["alg"], "EdDSA");
    assert_eq!(parts(&after).0["alg"], "ES256");
    let keys = jwks(&app).await;
    assert_eq!(keys.keys[0].common.key_id.as_deref(), parts(&after).0["kid"].as_str());
    let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[&app.settings["JWT_AUDIENCE"]]);
    let claims = decode::<Value>(&after, &key, &validation).unwrap().claims;
    assert_eq!(claims["email"], EMAIL);
    for token in [&before, &after] {
        let me = app.run_as(token, "{ me { email } }", json!({})).await;
        assert_eq!(
            me.body["data"]["me"]["email"], EMAIL,
            "tokens signed with the previous algorithm are valid: {}",
            me.text
        );
    }
    // a key with the name of another algorithm, and the key of another algorithm
    let (mut header, claims) = parts(&after);
    let signature = after.rsplit('.').next().unwrap();
    for (alg, kid) in [
        ("EdDSA", &keys.keys[0]),
        ("ES256", &keys.keys[1]),
        ("HS256", &keys.keys[0]),
        ("none", &keys.keys[0]),
    ] {
        header["alg"] = json!(alg);
        header["kid"] = json!(kid.common.key_id);
        let forged = format!(
            "{}.{}.{signature}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        assert_eq!(app.me(&forged).await, "INVALID", "{alg}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_the_claims_of_rfc_9068_and_the_configured_ones() {
    let everything =
        "email,email_verified,preferred_username,name,given_name,family_name,picture,role,bio".to_owned();
    for (claims, expected) in [
        (
            None,
            json!({ "email": EMAIL, "email_verified": false, "preferred_username": "Ada", "name": "Ada Lovelace", "role": "USER" }),
        ),
        (Some("role"), json!({ "role": "USER" })),
        (
            Some(""),
            json!({ "email": EMAIL, "email_verified": false, "preferred_username": "Ada", "name": "Ada Lovelace", "role": "USER" }),
        ),
        (
            Some(everything.as_str()),
            json!({
                "email": EMAIL, "email_verified": false, "preferred_username": "Ada", "name": "Ada Lovelace",
                "given_name": "Ada", "family_name": "Lovelace", "role": "USER",
            }),
        ),
    ] {
        let settings = claims.map(|claims| ("JWT_CLAIMS", claims));
        let app = TestApp::with(Sqlite, settings.as_slice()).await;
        let input = json!({ "email": EMAIL, "username": "Ada", "firstName": "Ada", "lastName": "Lovelace", "password": PASSWORD });
        let ada = SignedIn::from(&app.signup(input).await);
        let (header, mut claims) = parts(&ada.access_token);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
        let claims = claims.as_object_mut().unwrap();
        let (exp, iat) = (claims.remove("exp").unwrap(), claims.remove("iat").unwrap());
        assert_eq!(exp.as_i64().unwrap() - iat.as_i64().unwrap(), 1800);
        assert!(claims.remove("jti").unwrap().is_string());
        let mut all = json!({
            "auth_time": iat, "amr": ["pwd"], "iss": app.url, "aud": app.url, "client_id": "gatehouse", "sub": ada.user_id, "sid": ada.session_id, "rc": 0,
        });
        all.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        assert_eq!(Value::Object(claims.clone()), all);
    }
}

/// Returns the key that signs access tokens, derived as in `src/tokens`.
pub(crate) fn signing_key(secret: &str) -> EncodingKey {
    let root =
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"gatehouse").extract(SecretKey::parse(secret).unwrap().expose());
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut seed = [0; 32];
    root.expand(&[b"access-token/ed25519"], hkdf::HKDF_SHA256).unwrap().fill(&mut seed).unwrap();
    pkcs8.extend(seed);
    EncodingKey::from_ed_der(&pkcs8)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_session() {
    let app = TestApp::start(Sqlite).await;
    let (ada, grace) = (app.sign_up(EMAIL).await, app.sign_up("grace@example.org").await);
    let (_, claims) = parts(&ada.access_token);
    let key = signing_key(&app.settings["SECRET_KEY"]);
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".into());
    header.kid = jsonwebtoken::decode_header(&ada.access_token).unwrap().kid;
    for (name, value) in [("sub", &grace.user_id), ("sid", &grace.session_id), ("sid", &ada.user_id)] {
        let mut claims = claims.clone();
        claims[name] = json!(value);
        assert_eq!(app.me(&encode(&header, &claims, &key).unwrap()).await, "REVOKED", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_malformed_authorization_headers_are_anonymous() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let body = json!({ "query": "{ me { id } }" });
    for (header, status) in [
        (format!("bearer {}", ada.access_token), 200),
        (format!("Bearer   {}", ada.access_token), 200),
        (ada.access_token.clone(), 401),
        (format!("Basic {}", ada.access_token), 401),
        (format!("Bearer {0}, Bearer {0}", ada.access_token), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
    ] {
        let answer = Answer::of(app.post().header("authorization", &header).json(&body)).await;
        assert_eq!(answer.status.as_u16(), status, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_key_verifies_tokens_but_signs_none() {
    let before = TestApp::start(Sqlite).await;
    let ada = before.sign_up(EMAIL).await;
    let former = before.settings["SECRET_KEY"].clone();
    let fresh = SecretKey::generate().1;
    let after = before.another(&[("SECRET_KEY", &fresh), ("SECRET_KEY_FALLBACKS", &former)]).await;
    assert_eq!(jwks(&after).await.keys.len(), 2 * 2, "each secret has one key for each algorithm");
    assert_eq!(after.me(&ada.access_token).await, EMAIL);
    let refreshed = SignedIn::from(&after.refresh(&ada.refresh_token).await);
    assert_eq!(after.me(&refreshed.access_token).await, EMAIL);
    assert_ne!(parts(&refreshed.access_token).0["kid"], parts(&ada.access_token).0["kid"]);
    assert_eq!(
        before.me(&refreshed.access_token).await,
        "INVALID",
        "a new key must first be announced as a fallback"
    );

    let dropped = before.another(&[("SECRET_KEY", &fresh)]).await;
    assert_eq!(dropped.me(&ada.access_token).await, "INVALID");
    assert_eq!(dropped.refresh(&ada.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(dropped.me(&refreshed.access_token).await, EMAIL);
}
