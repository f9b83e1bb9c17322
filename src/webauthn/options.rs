//! The options of a passkey ceremony, for `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON` (§5.1.8, §5.1.9).

use std::time::Duration;

use coset::iana::EnumI64;
use serde_json::{Value as Json, json};

use super::{RelyingParty, encoding::base64url, public_key::ALGORITHMS};

/// An existing credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCredential {
    /// The ID in base64url without padding.
    pub credential_id: String,
    /// How browsers reach the authenticator.
    pub transports: Vec<String>,
}

impl KnownCredential {
    fn descriptor(&self) -> Json {
        json!({ "type": "public-key", "id": self.credential_id, "transports": self.transports })
    }
}

/// What a browser needs to create a credential.
#[derive(Clone, Debug)]
pub struct CreationOptions<'a> {
    /// The challenge.
    pub challenge: &'a [u8],
    /// The user handle, at most 64 bytes. It identifies the account to authenticators, so it must not contain personal data
    /// (§14.6.1).
    pub user_handle: &'a [u8],
    /// The name of the account, such as its email address.
    pub user_name: &'a str,
    /// The name of the person.
    pub display_name: &'a str,
    /// The existing credentials of the account. Their authenticators must not create another one.
    pub exclude: Vec<KnownCredential>,
    /// The time in which the ceremony must be finished.
    pub timeout: Duration,
}

impl CreationOptions<'_> {
    /// Returns the options in JSON.
    #[must_use]
    pub fn to_json(&self, party: &RelyingParty) -> Json {
        json!({
            "rp": { "id": party.id, "name": party.name },
            "user": {
                "id": base64url(self.user_handle),
                "name": self.user_name,
                "displayName": self.display_name,
            },
            "challenge": base64url(self.challenge),
            "pubKeyCredParams":
                ALGORITHMS.map(|algorithm| json!({ "type": "public-key", "alg": algorithm.to_i64() })),
            "timeout": millis(self.timeout),
            "excludeCredentials": self.exclude.iter().map(KnownCredential::descriptor).collect::<Vec<_>>(),
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            },
            "attestation": "none",
            "extensions": { "credProps": true },
        })
    }
}

/// Returns the options, in JSON, with which a browser asks for an assertion. If `allowed` is empty, the user chooses
/// among the passkeys that they have for the site.
#[must_use]
pub fn request_options(
    party: &RelyingParty,
    challenge: &[u8],
    allowed: &[KnownCredential],
    timeout: Duration,
) -> Json {
    json!({
        "challenge": base64url(challenge),
        "rpId": party.id,
        "allowCredentials": allowed.iter().map(KnownCredential::descriptor).collect::<Vec<_>>(),
        "userVerification": "required",
        "timeout": millis(timeout),
    })
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
