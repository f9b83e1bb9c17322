//! Forged access tokens are refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    support::{EMAIL, Sqlite, TestApp},
    tokens::{jwks, parts, signing_key},
};

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_refused() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let (header, claims) = parts(&ada.access_token);
    let signature = ada.access_token.rsplit('.').next().unwrap();
    let json_part = |value: &Value| BASE64.encode(value.to_string());
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let without = |value: &Value, name: &str| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove(name);
        value
    };
    let public = jwks(&app).await.keys[0].clone();
    let x = serde_json::to_value(&public).unwrap()["x"].as_str().unwrap().to_owned();
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.typ = Some("at+jwt".into());
    hs256.kid = header["kid"].as_str().map(Into::into);
    let mut tokens = vec![
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{}..", json_part(&json!({ "alg": "none" }))),
        format!("{}.{}.", json_part(&with(&header, "alg", json!("none"))), json_part(&claims)),
        format!(
            "{}.{}.{signature}",
            json_part(&header),
            json_part(&with(&claims, "role", json!("SUPERUSER")))
        ),
        format!("{}.{}.{signature}", json_part(&with(&header, "alg", json!("HS256"))), json_part(&claims)),
        encode(&hs256, &claims, &EncodingKey::from_secret(x.as_bytes())).unwrap(),
        encode(&hs256, &claims, &EncodingKey::from_secret(&BASE64.decode(&x).unwrap())).unwrap(),
        ada.refresh_token.clone(),
        format!("{}.{}", ada.access_token, signature),
        format!("{}x", ada.access_token),
        "x".repeat(7_000),
    ];
    // signed with another key; everything else is valid
    let stranger = TestApp::with(Sqlite, &[("JWT_ISSUER", &app.url), ("JWT_AUDIENCE", &app.url)]).await;
    tokens.push(stranger.sign_up(EMAIL).await.access_token);
    // signed with the right key, but for another issuer or audience
    for name in ["JWT_ISSUER", "JWT_AUDIENCE"] {
        let other = app.another(&[(name, "https://other.example.org")]).await;
        tokens.push(other.sign_in(EMAIL).await.access_token);
    }
    for (header, claims) in [
        (without(&header, "kid"), claims.clone()),
        (without(&header, "typ"), claims.clone()),
        (with(&header, "typ", json!("JWT")), claims.clone()),
        (with(&header, "kid", json!("../../dev/null")), claims.clone()),
        (with(&header, "jku", json!("http://127.0.0.1:1/jwks.json")), claims.clone()),
        (with(&header, "jwk", serde_json::to_value(&public).unwrap()), claims.clone()),
        (with(&header, "kid", json!("' OR 1=1 --")), claims.clone()),
        (with(&header, "kid", json!(["x"])), claims.clone()),
        (with(&header, "x5u", json!("http://127.0.0.1:1/key.pem")), claims.clone()),
        (with(&header, "crit", json!(["exp"])), claims.clone()),
        (with(&header, "zip", json!("DEF")), claims.clone()),
        (header.clone(), with(&claims, "exp", json!(i64::MAX))),
        (header.clone(), with(&claims, "exp", json!("never"))),
        (header.clone(), with(&claims, "exp", json!(1e300))),
    ] {
        tokens.push(format!("{}.{}.{signature}", json_part(&header), json_part(&claims)));
    }
    // signed with the right key, but not access tokens of this server
    let key = signing_key(&app.settings["SECRET_KEY"]);
    let sign = |typ: Option<&str>, claims: &Value| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = jsonwebtoken::decode_header(&ada.access_token).unwrap().kid;
        header.typ = typ.map(Into::into);
        encode(&header, claims, &key).unwrap()
    };
    assert_eq!(app.me(&sign(Some("at+jwt"), &claims)).await, EMAIL, "the key is the server's");
    tokens.extend([None, Some("JWT"), Some("id+jwt")].map(|typ| sign(typ, &claims)));
    tokens.extend(
        ["iss", "aud", "sub", "exp", "sid", "rc"].map(|name| sign(Some("at+jwt"), &without(&claims, name))),
    );
    tokens.push(sign(Some("at+jwt"), &with(&claims, "exp", json!("9999999999"))));
    tokens.push(sign(Some("at+jwt"), &with(&claims, "sub", json!("ada"))));
    // libraries differ in how they read a duplicate claim
    let twice = claims.to_string().replacen('{', &format!("{{\"sub\":\"{}\",", uuid::Uuid::nil()), 1);
    tokens.push(format!("{}.{}.{signature}", json_part(&header), BASE64.encode(&twice)));
    tokens.push(sign_text(&key, &header, &twice));
    for token in tokens {
        assert_eq!(app.me(&token).await, "INVALID", "{token}");
    }
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
}

/// Signs a token whose claims are exactly this text, well-formed or not.
fn sign_text(key: &EncodingKey, header: &Value, claims: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), key, Algorithm::EdDSA).unwrap();
    format!("{signed}.{signature}")
}
