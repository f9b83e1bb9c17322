//! A registration or an authentication before it is signed.

use coset::cbor::Value as Cbor;
use serde::Serialize;
use serde_json::{Value, json};

use super::{AuthenticatorData, ClientData, SecurityKey, edit_map, encode, encode_cbor, sha256};

/// The two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Registration,
    Authentication,
}

/// The attestation statement of a registration.
#[derive(Clone, Copy, Debug)]
pub enum Attestation {
    None,
    /// Format `packed`, signed with the new key.
    Itself,
}

/// What is to be signed. Every part may be altered.
#[derive(Clone, Debug)]
pub struct Draft {
    pub kind: Kind,
    pub client_data: ClientData,
    pub data: AuthenticatorData,
    /// The attestation statement, of registrations only.
    pub attestation: Attestation,
    /// The ID that the browser returns.
    pub credential_id: Vec<u8>,
    /// The user handle, of authentications only.
    pub user_handle: Option<Vec<u8>>,
}

impl Draft {
    /// Changes the entries of the `COSE_Key` in the authenticator data.
    pub fn edit_key(&mut self, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
        edit_map(&mut self.data.credential.as_mut().unwrap().1, edit);
    }

    /// Signs the draft, and returns what a browser's `PublicKeyCredential.toJSON()` gives.
    pub fn sign(&self, by: &SecurityKey) -> Value {
        let client_data = self.client_data.bytes();
        let data = self.data.bytes();
        let message = [data.as_slice(), &sha256(&client_data)].concat();
        let mut response = json!({
            "clientDataJSON": encode(&client_data),
            "authenticatorData": encode(&data),
        });
        match self.kind {
            Kind::Registration => {
                response["attestationObject"] = encode(&self.attestation_object(data, &message, by)).into();
                response["publicKey"] = encode(&by.key.spki()).into();
                response["publicKeyAlgorithm"] = by.key.algorithm().id().into();
                response["transports"] = json!(["hybrid", "internal"]);
            }
            Kind::Authentication => {
                response["signature"] = encode(&by.key.sign(&message)).into();
                if let Some(handle) = &self.user_handle {
                    response["userHandle"] = encode(handle).into();
                }
            }
        }
        let extensions = match self.kind {
            Kind::Registration => json!({ "credProps": { "rk": true } }),
            Kind::Authentication => json!({}),
        };
        json!({
            "id": encode(&self.credential_id),
            "rawId": encode(&self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": extensions,
            "response": response,
        })
    }

    fn attestation_object(&self, data: Vec<u8>, message: &[u8], by: &SecurityKey) -> Vec<u8> {
        let text = |text: &str| Cbor::Text(text.to_owned());
        let (format, statement) = match self.attestation {
            Attestation::None => ("none", Vec::new()),
            Attestation::Itself => {
                let algorithm = Cbor::Integer(by.key.algorithm().id().into());
                let signature = Cbor::Bytes(by.key.sign(message));
                ("packed", vec![(text("alg"), algorithm), (text("sig"), signature)])
            }
        };
        encode_cbor(&Cbor::Map(vec![
            (text("fmt"), text(format)),
            (text("attStmt"), Cbor::Map(statement)),
            (text("authData"), Cbor::Bytes(data)),
        ]))
    }
}
