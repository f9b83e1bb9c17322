//! Verifying a new credential (§7.1).

use aws_lc_rs::digest::{SHA256, digest};
use coset::cbor::Value;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Rejected, RelyingParty,
    authenticator_data::AuthenticatorData,
    client_data::{self, Operation},
    encoding::{Bytes, base64url, read_cbor},
    public_key::PublicKey,
};

/// The maximum number of transports that are kept. The specification defines six, and authenticators may add others.
const MAX_TRANSPORTS: usize = 8;
/// The maximum length in bytes of the name of a transport.
const MAX_TRANSPORT_BYTES: usize = 32;

/// The maximum number of entries of a map in an attestation object. The specification defines at most five.
const MAX_ENTRIES: usize = 16;

/// A new credential that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCredential {
    /// The ID in base64url without padding.
    pub credential_id: String,
    /// The public key: a `COSE_Key` (RFC 9052), in base64url.
    pub public_key: String,
    /// The number of signatures so far, or 0 if the authenticator does not count them.
    pub sign_count: u32,
    /// Whether the key may be copied to other devices of the user.
    pub is_backup_eligible: bool,
    /// Whether the key is also on the user's other devices or in a backup.
    pub is_backed_up: bool,
    /// The model of the authenticator. `None` if it is not disclosed.
    pub aaguid: Option<[u8; 16]>,
    /// How browsers reach the authenticator, such as `internal` or `usb`.
    pub transports: Vec<String>,
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
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "attestationObject")]
    attestation: Bytes,
    #[serde(default)]
    transports: Vec<String>,
}

/// Verifies a `RegistrationResponseJSON` for a challenge.
pub fn verify_registration(
    party: &RelyingParty,
    challenge: &[u8],
    response: &Json,
) -> Result<NewCredential, Rejected> {
    let credential = Credential::deserialize(response).map_err(|_| Rejected::Malformed)?;
    if credential.kind != "public-key" || credential.id != credential.raw_id {
        return Err(Rejected::Malformed);
    }
    let Response { client_data, attestation, transports } = credential.response;
    client_data::check(&client_data.0, party, Operation::Create, challenge)?;
    let (attestation, rest) = read_cbor(&attestation.0)?;
    if !rest.is_empty() {
        return Err(Rejected::Malformed);
    }
    if !has_distinct_keys(&attestation) {
        return Err(Rejected::Malformed);
    }
    let member = |name| member(&attestation, name);
    let data = member("authData").and_then(Value::as_bytes).ok_or(Rejected::Malformed)?;
    let parsed = AuthenticatorData::parse(data)?;
    parsed.check(party)?;
    let attested = parsed.credential.as_ref().ok_or(Rejected::Malformed)?;
    // otherwise the browser would be asked for a credential that no authenticator has
    if attested.id.is_empty() || attested.id != credential.id.0 {
        return Err(Rejected::Malformed);
    }
    let key = PublicKey::parse(attested.public_key)?;
    let format = member("fmt").and_then(Value::as_text).ok_or(Rejected::Malformed)?;
    let statement = member("attStmt").ok_or(Rejected::Malformed)?;
    let signed = [data.as_slice(), digest(&SHA256, &client_data.0).as_ref()].concat();
    check_attestation(format, statement, &key, attested.public_key, &signed)?;
    Ok(NewCredential {
        credential_id: base64url(attested.id),
        public_key: base64url(attested.public_key),
        sign_count: parsed.sign_count,
        is_backup_eligible: parsed.is_backup_eligible(),
        is_backed_up: parsed.is_backed_up(),
        aaguid: Some(attested.aaguid).filter(|aaguid| *aaguid != [0; 16]),
        transports: known_transports(transports),
    })
}

/// Checks the attestation statement. No attestation is requested, so the statement must either be empty or contain a
/// signature made with the new key itself (§8.2, §8.7).
fn check_attestation(
    format: &str,
    statement: &Value,
    key: &PublicKey,
    public_key: &[u8],
    signed: &[u8],
) -> Result<(), Rejected> {
    let is_right = match format {
        "none" => statement.as_map().is_some_and(Vec::is_empty),
        "packed" if has_distinct_keys(statement) && member(statement, "x5c").is_none() => {
            let (key_item, _) = read_cbor(public_key)?;
            let own = key_item.as_map().and_then(|map| {
                map.iter().find(|(label, _)| label.as_integer() == Some(3.into())).map(|(_, value)| value)
            });
            let signature = member(statement, "sig").and_then(Value::as_bytes);
            own.is_some()
                && member(statement, "alg") == own
                && signature.is_some_and(|signature| key.verifies(signed, signature))
        }
        _ => false,
    };
    if is_right { Ok(()) } else { Err(Rejected::Attestation) }
}

fn known_transports(mut transports: Vec<String>) -> Vec<String> {
    let is_name = |name: &String| {
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter == b'-';
        (1..=MAX_TRANSPORT_BYTES).contains(&name.len()) && name.bytes().all(is_letter)
    };
    transports.retain(is_name);
    transports.sort();
    transports.dedup();
    transports.truncate(MAX_TRANSPORTS);
    transports
}

fn member<'v>(map: &'v Value, name: &str) -> Option<&'v Value> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// Returns whether all keys of a map are different. If a key occurred twice, another reader of the map might see a
/// different value (RFC 8949 §5.6).
fn has_distinct_keys(map: &Value) -> bool {
    // a stranger's map may have thousands of entries, and comparing them would take a long time
    map.as_map().filter(|entries| entries.len() <= MAX_ENTRIES).is_some_and(|entries| {
        let mut keys = entries.iter().map(|(key, _)| key).enumerate();
        keys.all(|(at, key)| entries[..at].iter().all(|(earlier, _)| earlier != key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_with_many_entries_or_one_key_twice_is_refused() {
        let map = |keys: &[u32]| Value::Map(keys.iter().map(|key| ((*key).into(), Value::Null)).collect());
        let many: Vec<u32> = (0..=16).collect();
        assert!(has_distinct_keys(&map(&many[1..])));
        assert!(!has_distinct_keys(&map(&many)), "comparing thousands of entries would take long");
        assert!(!has_distinct_keys(&map(&[1, 2, 1])));
        assert!(!has_distinct_keys(&Value::Null));
    }
}
