//! The test vectors of the specification (Web Authentication Level 3, section 16).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    passkey_judges::our_verdict,
    support::passkeys::{
        BACKUP_ELIGIBLE, Kind, USER_VERIFIED,
        ceremonies::{Ceremony, Expected, ORIGIN, RP_ID, Record, Stored},
        edit_bytes, encode,
        judges::Judge,
    },
};

#[derive(Deserialize)]
struct Vectors {
    rp_id: String,
    origin: String,
    #[serde(rename = "vectors")]
    all: Vec<Vector>,
}

/// A passkey. Bytes are in hexadecimal.
#[derive(Deserialize)]
struct Vector {
    name: String,
    registration: Registration,
    authentication: Authentication,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    challenge: String,
    #[serde(rename = "credential_id")]
    credential_id: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    challenge: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
}

impl Vector {
    fn registration(&self) -> Ceremony {
        let of = &self.registration;
        let response = json!({
            "clientDataJSON": text(&of.client_data),
            "attestationObject": text(&of.attestation_object),
            "transports": [],
        });
        let nothing = Stored { records: Vec::new(), allowed: Vec::new() };
        let ceremony = self.ceremony(Kind::Registration, &of.challenge, &response, nothing);
        // this server asks for no attestation, so it knows no root certificates
        let is_known = self.name.starts_with("none-") || self.name.starts_with("packed-self-");
        self.decided(ceremony, is_known && self.data()[32] & USER_VERIFIED != 0)
    }

    fn authentication(&self) -> Ceremony {
        let of = &self.authentication;
        let user_handle = encode(b"ada");
        let response = json!({
            "clientDataJSON": text(&of.client_data),
            "authenticatorData": text(&of.authenticator_data),
            "signature": text(&of.signature),
            "userHandle": user_handle,
        });
        let data = self.data();
        let id_length = usize::from(u16::from_be_bytes([data[53], data[54]]));
        let record = Record {
            credential_id: text(&self.registration.credential_id),
            user_handle,
            public_key: encode(&data[55 + id_length..]),
            sign_count: 0,
            is_backup_eligible: data[32] & BACKUP_ELIGIBLE != 0,
        };
        let stored = Stored { records: vec![record], allowed: Vec::new() };
        let ceremony = self.ceremony(Kind::Authentication, &of.challenge, &response, stored);
        let flags = hex::decode(&of.authenticator_data).unwrap()[32];
        self.decided(ceremony, flags & USER_VERIFIED != 0)
    }

    fn ceremony(&self, kind: Kind, challenge: &str, response: &Value, stored: Stored) -> Ceremony {
        let id = text(&self.registration.credential_id);
        let credential = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
        });
        let name = format!("{}, {kind:?}", self.name);
        Ceremony { name, ..Ceremony::new(kind, &text(challenge), credential, stored) }
    }

    /// Adds this server's decision: it always requires user verification, and allows no frames.
    fn decided(&self, ceremony: Ceremony, is_accepted: bool) -> Ceremony {
        let is_accepted = is_accepted && !self.is_framed();
        let expected = if is_accepted { Expected::Accepted } else { Expected::Rejected };
        Ceremony { expected, ..ceremony }
    }

    fn is_framed(&self) -> bool {
        self.name.ends_with("crossOrigin") || self.name.ends_with("topOrigin")
    }

    /// Returns the authenticator data of the registration, which ends the attestation object.
    fn data(&self) -> Vec<u8> {
        let object = hex::decode(&self.registration.attestation_object).unwrap();
        let name = b"\x68authData";
        let at = object.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        // the head of a byte string with a length of one or two bytes
        let head = if object[at] == 0x58 { 2 } else { 3 };
        object[at + head..].to_vec()
    }
}

/// Returns bytes in hexadecimal as base64url.
fn text(hexadecimal: &str) -> String {
    encode(&hex::decode(hexadecimal).unwrap())
}

fn ceremonies() -> Vec<Ceremony> {
    let vectors: Vectors = serde_json::from_str(include_str!("support/webauthn_test_vectors.json")).unwrap();
    assert_eq!((vectors.rp_id.as_str(), vectors.origin.as_str()), (RP_ID, ORIGIN));
    assert!(vectors.all.len() >= 8);
    vectors.all.iter().flat_map(|vector| [vector.registration(), vector.authentication()]).collect()
}

#[test]
fn two_libraries_accept_the_test_vectors_of_the_specification() {
    let ceremonies: Vec<_> = ceremonies()
        .into_iter()
        .map(|ceremony| Ceremony { require_user_verification: false, ..ceremony })
        .collect();
    for judge in Judge::ALL {
        for (ceremony, verdict) in ceremonies.iter().zip(judge.judge(&ceremonies)) {
            // the only vector that a library rejects: it is not told which top origins are expected
            let is_framed =
                judge == Judge::SimpleWebAuthn && ceremony.name == "none-es256-topOrigin, Authentication";
            assert_eq!(verdict.accepted, !is_framed, "{judge:?}, {}: {}", ceremony.name, verdict.reason);
        }
    }
}

#[test]
fn this_server_accepts_the_test_vectors_of_the_specification() {
    for mut ceremony in ceremonies() {
        let is_accepted = ceremony.expected == Expected::Accepted;
        assert_eq!(our_verdict(&ceremony), is_accepted, "{}", ceremony.name);
        if ceremony.kind == Kind::Authentication {
            edit_bytes(&mut ceremony.response, "signature", |bytes| bytes[40] ^= 1);
            assert!(!our_verdict(&ceremony), "{} with another signature", ceremony.name);
        }
    }
}
