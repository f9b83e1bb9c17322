//! Two features that only Apple has: client secrets that the client signs, and responses that Apple posts to the
//! client.

use std::io;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use minijinja::HtmlEscape;
use serde_json::{Value, json};

use super::{CLIENT_ID, FakeProvider, lock};

pub(super) const TEAM_ID: &str = "TEAM123456";
pub(super) const KEY_ID: &str = "KEY1234567";

/// The key with which the client signs its secrets. Apple itself has only the public half of the key.
pub(super) struct AppleKey {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

impl AppleKey {
    pub(super) fn generate() -> io::Result<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pkcs8 = pkcs8.map_err(io::Error::other)?.as_ref().to_vec();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map_err(io::Error::other)?;
        Ok(Self { public: pair.public_key().as_ref().to_vec(), pkcs8 })
    }

    /// Returns the private key in PEM, formatted for an environment variable.
    pub(super) fn pem(&self) -> String {
        format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----", STANDARD.encode(&self.pkcs8))
    }
}

impl FakeProvider {
    /// Returns whether a client secret is valid.
    pub(super) fn is_apple_secret(&self, secret: &str) -> bool {
        let Some((message, signature)) = secret.rsplit_once('.') else { return false };
        let read = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let Some((header, claims)) =
            message.split_once('.').and_then(|(one, two)| Some((read(one)?, read(two)?)))
        else {
            return false;
        };
        let now = self.0.clock.now().unix_timestamp();
        let is_live = claims["exp"].as_i64().is_some_and(|exp| now < exp && exp <= now + 15_777_000);
        let is_ours =
            claims["iss"] == TEAM_ID && claims["sub"] == CLIENT_ID && claims["aud"] == self.issuer();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0.apple_key.public);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        header["alg"] == "ES256"
            && header["kid"] == KEY_ID
            && is_live
            && is_ours
            && key.verify(message.as_bytes(), &signature).is_ok()
    }

    /// Returns a page that posts these fields to the client. The first time, it also posts the person's name.
    pub(super) fn post_back(&self, to: &str, fields: &[(&str, &str)], person: Option<&Value>) -> String {
        let mut fields: Vec<(&str, String)> =
            fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        if let Some(person) = person
            && lock(&self.0.named).insert(person["sub"].to_string())
        {
            let name = json!({ "firstName": person["given_name"], "lastName": person["family_name"] });
            fields.push(("user", json!({ "name": name, "email": person["email"] }).to_string()));
        }
        let inputs: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", HtmlEscape(value))
            })
            .collect();
        format!(
            "<!doctype html><title>Fake Apple</title><link rel=\"icon\" href=\"data:,\"><body onload=\"document.forms[0].submit()\">\
             <form method=\"post\" action=\"{}\">{}<button>Continue</button></form>",
            HtmlEscape(to),
            inputs.concat()
        )
    }
}
