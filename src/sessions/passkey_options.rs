//! The options with which a browser requests a passkey.

use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

use crate::{app::App, storage::passkey, tokens::CeremonyPurpose, webauthn::request_options};

/// Returns the options for requesting one of these passkeys or, if the list is empty, any passkey that the person has
/// for the site. Returns `None` if the server has no domain for passkeys (`PASSKEY_RP_ID`).
#[must_use]
pub fn passkey_options(
    app: &App,
    purpose: CeremonyPurpose,
    id: Uuid,
    passkeys: &[passkey::Model],
    expires_in: Duration,
) -> Option<Json> {
    let party = app.config.passkeys.relying_party.as_ref()?;
    let challenge = app.tokens.passkey_challenges(purpose, id).next()?;
    let allowed: Vec<_> = passkeys.iter().map(passkey::Model::known).collect();
    Some(request_options(party, &challenge, &allowed, expires_in))
}
