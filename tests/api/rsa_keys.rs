//! Access tokens signed with RSA keys, which are generated and stored in the database or read from files.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use gatehouse::{secrets::SecretKey, storage::signing_key};
use jsonwebtoken::{
    decode_header,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm},
};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::Value;

use crate::support::{
    Answer, Database, EMAIL, Postgres, Sqlite, TestApp,
    process::{gatehouse, output},
};

/// Returns the public keys of a server, the signing key first.
async fn keys(app: &TestApp) -> Vec<Jwk> {
    let jwks: Value = Answer::of(app.http.get(format!("{}/.well-known/jwks.json", app.url))).await.body;
    serde_json::from_value(jwks["keys"].clone()).unwrap()
}

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

fn modulus(key: &Jwk) -> &str {
    match &key.algorithm {
        AlgorithmParameters::RSA(rsa) => &rsa.n,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_can_be_signed_with_rsa(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let derived = app.sign_up(EMAIL).await.access_token;
    let settings = [("JWT_ALGORITHM", "RS256")];
    // servers that start together agree on one key
    let (app, beside) = tokio::join!(app.another(&settings), app.another(&settings));
    let signed = app.sign_in(EMAIL).await.access_token;
    let all = keys(&app).await;
    assert_eq!(all.len(), 3, "the derived keys are still published");
    assert_eq!(all[0].common.key_id, Some(kid(&signed)));
    assert_eq!(all[0].common.key_algorithm, Some(KeyAlgorithm::RS256));
    assert_eq!(keys(&beside).await, all);
    let later = app.another(&settings).await;
    assert_eq!(keys(&later).await, all, "a restart keeps the key");
    let back = app.another(&[]).await;
    assert_eq!(keys(&back).await.len(), 3, "a server with another algorithm publishes the key too");
    for server in [&app, &beside, &later, &back] {
        for token in [&derived, &signed] {
            assert_eq!(server.me(token).await, EMAIL);
        }
    }
    // the key in the database cannot be opened without the secret
    let rows = signing_key::Entity::find().all(app.app.db.read()).await.unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let modulus = BASE64.decode(modulus(&all[0])).unwrap();
    let sealed = BASE64.decode(&row.sealed_key).unwrap();
    assert!(sealed.len() > modulus.len() && !sealed.windows(8).any(|bytes| bytes == &modulus[..8]));

    // a new secret brings a new key, announced as a fallback first; the old key verifies while its secret is kept
    let (former, fresh) = (app.settings["SECRET_KEY"].clone(), SecretKey::generate().1);
    let announced = app.another(&[settings[0], ("SECRET_KEY_FALLBACKS", &fresh)]).await;
    assert_eq!(keys(&announced).await[0], all[0], "the old key still signs");
    let rotated =
        app.another(&[settings[0], ("SECRET_KEY", &fresh), ("SECRET_KEY_FALLBACKS", &former)]).await;
    let after = rotated.sign_in(EMAIL).await.access_token;
    assert_ne!(kid(&after), kid(&signed));
    for server in [&announced, &rotated] {
        assert_eq!((server.me(&signed).await, server.me(&after).await), (EMAIL.to_owned(), EMAIL.to_owned()));
    }
    let dropped = app.another(&[settings[0], ("SECRET_KEY", &fresh)]).await;
    assert_eq!(dropped.me(&signed).await, "INVALID");
    assert_eq!(dropped.me(&after).await, EMAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rsa_key_can_be_read_from_a_file() {
    let app = TestApp::with(Sqlite, &[("JWT_ALGORITHM", "RS256")]).await;
    let generated = app.sign_up(EMAIL).await.access_token;
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str, options: &[&str]| {
        let path = folder.path().join(name);
        let made =
            std::process::Command::new("openssl").args(options).arg("-out").arg(&path).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        path.to_str().unwrap().to_owned()
    };
    let rsa = ["genpkey", "-algorithm", "RSA", "-pkeyopt"];
    let pkcs8 = key("pkcs8.pem", &[&rsa[..], &["rsa_keygen_bits:3072"]].concat());
    let pkcs1 = key("pkcs1.pem", &["rsa", "-in", &pkcs8, "-traditional"]);
    let small = key("small.pem", &[&rsa[..], &["rsa_keygen_bits:1024"]].concat());
    let elliptic = key("ec.pem", &["ecparam", "-name", "prime256v1", "-genkey", "-noout"]);
    let other = key("other.pem", &[&rsa[..], &["rsa_keygen_bits:2048"]].concat());

    let from_file = app.another(&[("JWT_RSA_KEY_FILE", &pkcs8)]).await;
    let signed = from_file.sign_in(EMAIL).await.access_token;
    assert_ne!(kid(&signed), kid(&generated));
    assert_eq!(from_file.me(&generated).await, EMAIL, "the generated key still verifies");
    let same = app.another(&[("JWT_RSA_KEY_FILE", &pkcs1)]).await;
    assert_eq!(keys(&same).await, keys(&from_file).await, "both PEM formats give the same key");
    let rotated = app.another(&[("JWT_RSA_KEY_FILE", &format!("{other},{pkcs8}"))]).await;
    let after = rotated.sign_in(EMAIL).await.access_token;
    assert_ne!(kid(&after), kid(&signed));
    assert_eq!((rotated.me(&signed).await, rotated.me(&after).await), (EMAIL.to_owned(), EMAIL.to_owned()));

    let nowhere = folder.path().join("nowhere.pem").to_str().unwrap().to_owned();
    let text = folder.path().join("text.pem").to_str().unwrap().to_owned();
    std::fs::write(&text, "no key").unwrap();
    for (path, why) in [
        (&small, "contains a key that is not an RSA key of 2,048 to 4,096 bits"),
        (&elliptic, "contains a key that is not an RSA key"),
        (&nowhere, "which cannot be read"),
        (&text, "which contains no private key in PEM"),
    ] {
        let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str()), ("JWT_ALGORITHM", "RS256")];
        let settings = [&settings[..], &[("JWT_RSA_KEY_FILE", path), ("PORT", "0")]].concat();
        let output = output(gatehouse(folder.path(), &["dev"], &settings), "");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains("JWT_RSA_KEY_FILE") && told.contains(why),
            "{told}"
        );
    }
}
