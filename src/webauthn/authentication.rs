//! Verifying an assertion of a stored credential (§7.2).

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    Rejected, RelyingParty,
    authenticator_data::AuthenticatorData,
    client_data::{self, Operation},
    encoding::{Bytes, base64url, decode_base64url},
    public_key::PublicKey,
};

/// The key of a stored credential.
#[derive(Clone, Copy, Debug)]
pub struct StoredKey<'a> {
    /// The public key: a `COSE_Key` (RFC 9052), in base64url.
    pub public_key: &'a str,
    /// The number of signatures so far.
    pub sign_count: u32,
    /// Whether the key may be copied to other devices of the user.
    pub is_backup_eligible: bool,
}

/// A verified assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The number of signatures so far.
    pub sign_count: u32,
    /// Whether the key is also on the user's other devices or in a backup.
    pub is_backed_up: bool,
}

/// The credential that an `AuthenticationResponseJSON` claims to be from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCredential {
    /// The ID in base64url without padding.
    pub credential_id: String,
    /// The user handle. Authenticators may leave it out if the options named specific credentials.
    pub user_handle: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: Bytes,
    raw_id: Bytes,
    #[serde(rename = "type")]
    kind: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    user_handle: Option<Bytes>,
}

impl Credential {
    fn parse(response: &Json) -> Result<Self, Rejected> {
        let credential = Self::deserialize(response).map_err(|_| Rejected::Malformed)?;
        if credential.kind != "public-key" || credential.id != credential.raw_id {
            return Err(Rejected::Malformed);
        }
        Ok(credential)
    }
}

impl ClaimedCredential {
    /// Reads which credential an `AuthenticationResponseJSON` claims to be from.
    pub fn read(response: &Json) -> Result<Self, Rejected> {
        let Credential { id, response, .. } = Credential::parse(response)?;
        Ok(Self {
            credential_id: base64url(&id.0),
            user_handle: response.user_handle.map(|handle| handle.0).filter(|handle| !handle.is_empty()),
        })
    }
}

/// Verifies an `AuthenticationResponseJSON` for a challenge, with the key of the credential that it claims to be from.
pub fn verify_authentication(
    party: &RelyingParty,
    challenge: &[u8],
    response: &Json,
    key: &StoredKey<'_>,
) -> Result<Assertion, Rejected> {
    let Response { client_data, authenticator_data, signature, .. } = Credential::parse(response)?.response;
    client_data::check(&client_data.0, party, Operation::Get, challenge)?;
    let parsed = AuthenticatorData::parse(&authenticator_data.0)?;
    parsed.check(party)?;
    if parsed.is_backup_eligible() != key.is_backup_eligible {
        return Err(Rejected::Backup);
    }
    let signed = [authenticator_data.0.as_slice(), digest(&SHA256, &client_data.0).as_ref()].concat();
    let public_key = decode_base64url(key.public_key)?;
    if !PublicKey::parse(&public_key)?.verifies(&signed, &signature.0) {
        return Err(Rejected::Signature);
    }
    // the devices that share a synced key do not share a counter
    let is_counted = !key.is_backup_eligible && (parsed.sign_count, key.sign_count) != (0, 0);
    if is_counted && parsed.sign_count <= key.sign_count {
        return Err(Rejected::Counter);
    }
    Ok(Assertion { sign_count: parsed.sign_count, is_backed_up: parsed.is_backed_up() })
}
