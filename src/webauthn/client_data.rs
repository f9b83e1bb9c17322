//! The client data: what the browser says about the page that asked for the credential (§5.8.1).

use serde::Deserialize;

use super::{Rejected, RelyingParty, encoding::base64url};

/// The operation that a page asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Get,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// Checks that the page was allowed to ask for a credential, and that it asked for this operation with this challenge.
pub(super) fn check(
    bytes: &[u8],
    party: &RelyingParty,
    operation: Operation,
    challenge: &[u8],
) -> Result<(), Rejected> {
    // "UTF-8 decode" of the Encoding Standard skips a byte order mark
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let data: ClientData = serde_json::from_slice(text).map_err(|_| Rejected::Malformed)?;
    let kind = match operation {
        Operation::Create => "webauthn.create",
        Operation::Get => "webauthn.get",
    };
    if data.kind != kind {
        return Err(Rejected::Type);
    }
    if data.challenge != base64url(challenge) {
        return Err(Rejected::Challenge);
    }
    if !party.allows(&data.origin) {
        return Err(Rejected::Origin);
    }
    // a page of another site that frames this one could make the user confirm something they do not see
    if data.cross_origin || data.top_origin.is_some() {
        return Err(Rejected::CrossOrigin);
    }
    Ok(())
}
