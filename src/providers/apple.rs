//! The parts specific to Apple: client secrets that the client signs itself, and names that Apple sends only once.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::ProviderError;
use crate::input::person_name;

/// How long a client secret is valid, in seconds. Apple allows half a year, but each secret is used immediately.
const GOOD_FOR: i64 = 300;

/// The maximum length, in bytes, of the field in which Apple sends a person's name.
const MAX_USER: usize = 2048;

/// Creates a client secret: a JWT signed with ES256
/// (<https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret>).
pub(super) fn client_secret(
    client_id: &str,
    (team_id, key_id, private_key): (&str, &str, &SecretString),
    issuer: &str,
    now: i64,
) -> Result<SecretString, ProviderError> {
    let unusable = || ProviderError::unavailable("APPLE_PRIVATE_KEY is not a P-256 key in PKCS #8 format");
    let body: String = private_key
        .expose_secret()
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let key = STANDARD.decode(body).map_err(|_| unusable())?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key).map_err(|_| unusable())?;
    let header = json!({ "alg": "ES256", "kid": key_id });
    let claims =
        json!({ "iss": team_id, "iat": now, "exp": now + GOOD_FOR, "aud": issuer, "sub": client_id });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| unusable())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// The name of a person, which Apple sends only with the first sign-in, and without a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppleName {
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
}

impl AppleName {
    /// Reads the field `user` of Apple's form. Anything that is not a name is left out.
    #[must_use]
    pub fn read(user: &str) -> Self {
        #[derive(Deserialize)]
        struct User {
            name: Option<Name>,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Name {
            first_name: Option<String>,
            last_name: Option<String>,
        }
        let user = Some(user).filter(|user| user.len() <= MAX_USER);
        let name = user.and_then(|user| serde_json::from_str::<User>(user).ok()?.name);
        let name = name.unwrap_or_default();
        let valid = |name: Option<String>| person_name(name.as_deref().unwrap_or_default()).ok().flatten();
        Self { given_name: valid(name.first_name), family_name: valid(name.last_name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_anything_else_is_left_out() {
        let ada = AppleName { given_name: Some("Ada".to_owned()), family_name: Some("Lovelace".to_owned()) };
        assert_eq!(AppleName::read(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x"}"#), ada);
        for odd in [
            "",
            "{}",
            "null",
            r#"{"name":"Ada"}"#,
            r#"{"name":{"firstName":1}}"#,
            r#"{"name":{"firstName":"\u0000"}}"#,
        ] {
            assert_eq!(AppleName::read(odd), AppleName::default(), "{odd}");
        }
    }
}
