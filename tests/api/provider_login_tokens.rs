//! Which ID tokens of providers other than Google are accepted.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gatehouse::{config::ProviderKind, fake_provider::TENANT};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    google_login_tokens::with,
    provider_login::{name_of, with_one},
    support::{SignedIn, Sqlite, google::ada},
};

#[rstest]
#[case::microsoft(ProviderKind::Microsoft, "ES256")]
#[case::apple(ProviderKind::Apple, "ES256")]
#[case::oidc(ProviderKind::Oidc, "RS256")]
#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_for_others_are_refused(#[case] kind: ProviderKind, #[case] other_algorithm: &str) {
    let (app, fake) = with_one(Sqlite, kind).await;
    let (id, _) = name_of(kind);
    // an ID token that a native app received contains the address
    let mut claims = fake.claims(&ada());
    if kind == ProviderKind::Oidc {
        claims["email"] = json!("ada@gmail.com");
        claims["email_verified"] = json!(true);
    }
    let signed = |claims: Value| fake.id_token(&claims).unwrap();
    let good = signed(claims.clone());
    let [header, body, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let unverified = match kind {
        ProviderKind::Microsoft => with(&claims, "xms_edov", json!(false)),
        _ => with(&claims, "email_verified", json!("false")),
    };
    let mut bad = vec![
        ("for another client", signed(with(&claims, "aud", "another".into()))),
        ("for this client and another", signed(with(&claims, "aud", json!([claims["aud"], "another"])))),
        ("from another issuer", signed(with(&claims, "iss", "https://issuer.example".into()))),
        ("without an issuer", signed(with(&claims, "iss", Value::Null))),
        ("expired", signed(with(&claims, "exp", json!(1)))),
        ("for another attempt", signed(with(&claims, "nonce", "another".into()))),
        ("for an unverified address", signed(unverified)),
        ("without an address", signed(with(&claims, "email", Value::Null))),
        ("with another algorithm", recoded(header, body, signature, other_algorithm)),
        ("without an algorithm", recoded(header, body, "", "none")),
        ("not signed", format!("{header}.{body}.")),
    ];
    if kind == ProviderKind::Microsoft {
        bad.extend([
            (
                "of another tenant than its issuer",
                signed(with(&claims, "tid", json!("11111111-1111-4111-8111-111111111111"))),
            ),
            ("without a tenant", signed(with(&claims, "tid", Value::Null))),
            ("without an object ID", signed(with(&claims, "oid", Value::Null))),
        ]);
    }
    for (what, token) in bad {
        let answer = app.provider_login(id, json!({ "idToken": { "idToken": token } })).await;
        assert_eq!(answer["code"], "PROVIDER_REJECTED", "{what}: {answer}");
    }
    let listed = signed(with(&claims, "aud", json!([claims["aud"]])));
    let answer = app.provider_login(id, json!({ "idToken": { "idToken": listed } })).await;
    assert_eq!(answer["user"]["email"], "ada@gmail.com", "for a list of this client alone: {answer}");
    let answer = app.provider_login(id, json!({ "idToken": { "idToken": good } })).await;
    assert_eq!(answer["user"]["email"], "ada@gmail.com", "{answer}");
}

/// Returns the token with another algorithm in its header.
fn recoded(header: &str, body: &str, signature: &str, algorithm: &str) -> String {
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["alg"] = json!(algorithm);
    format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn github_issues_no_id_tokens() {
    let (app, _) = with_one(Sqlite, ProviderKind::GitHub).await;
    let token = json!({ "idToken": { "idToken": "x.y.z" } });
    assert_eq!(app.provider_login("github", token).await["code"], "PROVIDER_REJECTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_one_tenant_signs_for_no_other() {
    let (app, fake) = with_one(Sqlite, ProviderKind::Microsoft).await;
    let elsewhere = fake.issuer().replace(TENANT, "11111111-1111-4111-8111-111111111111");
    for (issuer, result) in [(elsewhere, "UserError"), (fake.issuer(), "AuthPayload")] {
        fake.change_key_for(&issuer).unwrap();
        // the keys are fetched again for an unknown key, but not more than once a minute
        app.advance(Duration::from_mins(2));
        let token = fake.id_token(&fake.claims(&ada())).unwrap();
        let answer = app.provider_login("microsoft", json!({ "idToken": { "idToken": token } })).await;
        assert_eq!(answer["__typename"], result, "{issuer}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_object_id_in_two_tenants_is_two_people() {
    let (app, fake) = with_one(Sqlite, ProviderKind::Microsoft).await;
    let claims = fake.claims(&ada());
    let token = |claims: &Value| json!({ "idToken": { "idToken": fake.id_token(claims).unwrap() } });
    let ada = SignedIn::from(&app.provider_login("microsoft", token(&claims)).await);
    let tenant = "11111111-1111-4111-8111-111111111111";
    let issuer = fake.issuer().replace(TENANT, tenant);
    let elsewhere = with(&with(&claims, "tid", json!(tenant)), "iss", json!(issuer));
    let refused = app.provider_login("microsoft", token(&elsewhere)).await;
    assert_eq!(refused["code"], "LINK_REQUIRED", "an administrator can give anybody this address");
    let other = with(&elsewhere, "email", json!("other@example.org"));
    let other = SignedIn::from(&app.provider_login("microsoft", token(&other)).await);
    assert_ne!(other.user_id, ada.user_id);
}
