//! Which of Google's ID tokens and access tokens are accepted.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gatehouse::fake_provider::FakeProvider;
use serde_json::{Value, json};

use crate::{
    google_login::count,
    support::{
        Sqlite, TestApp,
        google::{access_token, ada},
    },
};

/// Returns a token with this header and these claims, and an invalid signature.
fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([1; 256]))
}

pub(crate) fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_of_another_issuer_or_for_another_app_are_refused() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let claims = google.claims(&ada());
    let now = claims["iat"].as_i64().unwrap();
    let signed = |claims: Value| google.id_token(&claims).unwrap();
    let (header, _) =
        signed(claims.clone()).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let good = signed(claims.clone());
    let tampered = {
        let mut parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(with(&claims, "sub", "1002".into()).to_string());
        parts[1] = &other;
        parts.join(".")
    };
    let hs256 = {
        // signed with a public value as if it were a secret
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": header["kid"] });
        let message = unsigned(&header, &claims).rsplit_once('.').unwrap().0.to_owned();
        let key = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            header["kid"].as_str().unwrap().as_bytes(),
        );
        let mac = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let bad = [
        ("for another client", signed(with(&claims, "aud", "another".into()))),
        ("for no client", signed(with(&claims, "aud", Value::Null))),
        ("for this client and another", signed(with(&claims, "aud", json!([claims["aud"], "another"])))),
        ("from another issuer", signed(with(&claims, "iss", "https://accounts.example.org".into()))),
        ("without an issuer", signed(with(&claims, "iss", Value::Null))),
        ("expired", signed(with(&claims, "exp", (now - 1).into()))),
        ("without an expiry", signed(with(&claims, "exp", Value::Null))),
        ("with a malformed expiry", signed(with(&claims, "exp", "never".into()))),
        ("for an unverified address", signed(with(&claims, "email_verified", false.into()))),
        ("without `email_verified`", signed(with(&claims, "email_verified", Value::Null))),
        ("with a string for `email_verified`", signed(with(&claims, "email_verified", "false".into()))),
        ("without an address", signed(with(&claims, "email", Value::Null))),
        ("without a subject", signed(with(&claims, "sub", Value::Null))),
        ("tampered with", tampered),
        ("HS256", hs256),
        ("none", unsigned(&json!({ "alg": "none" }), &claims)),
        ("none, with a kid", unsigned(&json!({ "alg": "none", "kid": header["kid"] }), &claims)),
        ("without a kid", unsigned(&json!({ "alg": "RS256" }), &claims)),
        ("with another kid", unsigned(&json!({ "alg": "RS256", "kid": "../../etc/passwd" }), &claims)),
        (
            "with a key of its own",
            unsigned(&json!({ "alg": "RS256", "kid": "own", "jwk": { "kty": "RSA" } }), &claims),
        ),
        ("not a token", "garbage".to_owned()),
        ("empty", String::new()),
        ("not ASCII", "é.é.é".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9000))),
    ];
    for (what, token) in bad {
        let answer = app.google_login(json!({ "idToken": { "idToken": token } })).await;
        assert_eq!(answer["code"], "PROVIDER_REJECTED", "{what}: {answer}");
    }
    for nonce in [json!("another"), json!(""), Value::Null] {
        let token = signed(with(&claims, "nonce", "this".into()));
        let answer = app.google_login(json!({ "idToken": { "idToken": token, "nonce": nonce } })).await;
        assert_eq!(answer["code"], "PROVIDER_REJECTED");
    }
    let empty = signed(with(&claims, "nonce", "".into()));
    let answer = app.google_login(json!({ "idToken": { "idToken": empty } })).await;
    assert_eq!(answer["code"], "PROVIDER_REJECTED", "an empty nonce is also a nonce");
    let answer = app.google_login(json!({ "idToken": { "idToken": good, "nonce": "this" } })).await;
    assert_eq!(answer["code"], "PROVIDER_REJECTED", "the token has no nonce");
    assert_eq!(count(&app, "users").await, 0);

    let issuer = google.issuer();
    let bare = issuer.strip_prefix("http://").unwrap();
    let own = [("nonce", "this".into()), ("nonce", Value::Null), ("iss", bare.into())];
    for good in own.map(|(name, value)| with(&claims, name, value)) {
        let nonce = good.get("nonce").cloned();
        let input = json!({ "idToken": { "idToken": signed(good), "nonce": nonce } });
        assert_eq!(app.google_login(input).await["__typename"], "AuthPayload");
    }
    // the keys were fetched once, and once more for the unknown kid
    assert_eq!(google.requests("/certs"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_for_another_app_are_refused() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let (info, person) = (FakeProvider::tokeninfo(&ada()), ada());
    let mut bad: Vec<(&str, Value)> = Vec::new();
    for (what, name, value) in [
        ("for another client", "aud", json!("another")),
        ("for no client", "aud", Value::Null),
        ("for a list of clients", "aud", json!(["another"])),
        ("requested by another client", "azp", json!("another")),
        (
            "without the scope for the address",
            "scope",
            json!("openid profile https://www.googleapis.com/auth/userinfo.emails"),
        ),
        ("without a scope", "scope", Value::Null),
    ] {
        bad.push((what, google.access_token(with(&info, name, value), person.clone()).into()));
    }
    bad.push(("unknown", "ya29.unknown".into()));
    bad.push(("empty", "".into()));
    bad.push(("with another header", "x\r\nx-evil: 1".into()));
    for (what, token) in bad {
        let answer = app.google_login(json!({ "accessToken": token })).await;
        let code = &answer["code"];
        assert!(
            code == "PROVIDER_REJECTED"
                || (what == "for a list of clients" && code == "PROVIDER_UNAVAILABLE"),
            "{what}: {answer}"
        );
    }
    assert_eq!(google.requests("/userinfo"), 0, "tokens for other apps cause no further requests");
    for (what, name, value) in [
        ("with an unverified address", "email_verified", json!(false)),
        ("without `email_verified`", "email_verified", Value::Null),
        ("with a string for `email_verified`", "email_verified", json!("false")),
        ("of another person", "sub", json!("1002")),
        ("without an address", "email", Value::Null),
    ] {
        let token = google.access_token(info.clone(), with(&person, name, value));
        assert_eq!(
            app.google_login(json!({ "accessToken": token })).await["code"],
            "PROVIDER_REJECTED",
            "{what}"
        );
    }
    assert_eq!(count(&app, "users").await, 0);
    assert_eq!(app.google_login(access_token(&google, &person)).await["__typename"], "AuthPayload");
}
