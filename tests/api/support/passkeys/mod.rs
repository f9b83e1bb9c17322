//! A software authenticator for passkeys with the browser in front of it, and deliberately altered ceremonies. The
//! tests verify the results with the server and with third-party libraries.

mod authenticator_data;
pub mod ceremonies;
mod client_data;
mod draft;
pub mod judges;
mod key;
mod signatures;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use coset::cbor::{self, Value as Cbor};
use serde_json::Value;

pub use authenticator_data::{
    ATTESTED, AuthenticatorData, BACKED_UP, BACKUP_ELIGIBLE, EXTENSIONS, RESERVED, USER_PRESENT,
    USER_VERIFIED,
};
pub use client_data::ClientData;
pub use draft::{Attestation, Draft, Kind};
pub use key::{Algorithm, KeyPair};

/// An authenticator with one passkey.
pub struct SecurityKey {
    pub key: KeyPair,
    pub credential_id: Vec<u8>,
    /// The user handle of the last registration.
    pub user_handle: Vec<u8>,
    /// The number of signatures. An authenticator that does not count them leaves it at 0.
    pub sign_count: u32,
    /// The flags that it sets, without those for the parts of the authenticator data.
    pub flags: u8,
}

impl SecurityKey {
    /// Makes a passkey that is bound to the device and has no counter.
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            key: KeyPair::generate(algorithm),
            credential_id: random(32),
            user_handle: Vec::new(),
            sign_count: 0,
            flags: USER_PRESENT | USER_VERIFIED,
        }
    }

    /// Returns the `RegistrationResponseJSON` for a page's `PublicKeyCredentialCreationOptionsJSON`.
    pub fn register(&mut self, options: &Value, origin: &str) -> Value {
        self.registration(options, origin).sign(self)
    }

    /// Returns the `AuthenticationResponseJSON` for a page's `PublicKeyCredentialRequestOptionsJSON`.
    pub fn authenticate(&mut self, options: &Value, origin: &str) -> Value {
        self.authentication(options, origin).sign(self)
    }

    /// Prepares a registration that may be altered before it is signed.
    pub fn registration(&mut self, options: &Value, origin: &str) -> Draft {
        let offered = options["pubKeyCredParams"].as_array().unwrap();
        let own = self.key.algorithm().id();
        assert!(offered.iter().any(|offer| offer["alg"] == own), "{own} is not offered: {options}");
        assert!(!self.is_among(&options["excludeCredentials"]), "the passkey is excluded: {options}");
        self.user_handle = decode(options["user"]["id"].as_str().unwrap());
        let mut draft = self.draft(Kind::Registration, options, &options["rp"]["id"], origin);
        draft.data.flags |= ATTESTED;
        draft.data.credential = Some((self.credential_id.clone(), encode_cbor(&self.key.cose())));
        draft
    }

    /// Prepares an authentication that may be altered before it is signed.
    pub fn authentication(&mut self, options: &Value, origin: &str) -> Draft {
        let allowed = &options["allowCredentials"];
        let is_limited = allowed.as_array().is_some_and(|allowed| !allowed.is_empty());
        assert!(!is_limited || self.is_among(allowed), "the passkey is not allowed: {options}");
        if self.sign_count > 0 {
            self.sign_count += 1;
        }
        self.draft(Kind::Authentication, options, &options["rpId"], origin)
    }

    fn draft(&self, kind: Kind, options: &Value, rp_id: &Value, origin: &str) -> Draft {
        let host = origin.split("://").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
        let rp_id = rp_id.as_str().unwrap_or(host);
        Draft {
            kind,
            client_data: ClientData::new(kind, options["challenge"].as_str().unwrap(), origin),
            data: AuthenticatorData::new(rp_id, self.flags, self.sign_count),
            attestation: Attestation::None,
            credential_id: self.credential_id.clone(),
            user_handle: Some(self.user_handle.clone()),
        }
    }

    fn is_among(&self, credentials: &Value) -> bool {
        let own = encode(&self.credential_id);
        credentials.as_array().is_some_and(|all| all.iter().any(|credential| credential["id"] == own))
    }
}

/// Returns the bytes that the signature of an authentication covers.
pub fn signed_bytes(response: &Value) -> Vec<u8> {
    let member = |name: &str| decode(response["response"][name].as_str().unwrap());
    [member("authenticatorData"), sha256(&member("clientDataJSON"))].concat()
}

/// Changes the bytes of a member of `response`.
pub fn edit_bytes(response: &mut Value, member: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let member = &mut response["response"][member];
    let mut bytes = decode(member.as_str().unwrap());
    edit(&mut bytes);
    *member = encode(&bytes).into();
}

/// Changes the members of the attestation object.
pub fn edit_attestation(response: &mut Value, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    edit_bytes(response, "attestationObject", |bytes| edit_map(bytes, edit));
}

/// Changes the entries of a CBOR map.
pub fn edit_map(bytes: &mut Vec<u8>, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    let map: Cbor = cbor::from_reader(bytes.as_slice()).unwrap();
    let mut map = map.into_map().unwrap();
    edit(&mut map);
    *bytes = encode_cbor(&Cbor::Map(map));
}

/// Returns a value as CBOR.
pub fn encode_cbor(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    cbor::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// Returns bytes as base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the bytes of base64url without padding.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Returns a SHA-256 digest.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// Returns random bytes.
pub fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}
