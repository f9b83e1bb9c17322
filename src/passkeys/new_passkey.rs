//! Creating a passkey: the options for the browser, and the credential that it returns.

use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

use super::authenticator_names::default_name;
use crate::{
    app::App,
    challenges::RegisteredPasskey,
    storage::{passkey, passkey_ceremony, user},
    tokens::CeremonyPurpose,
    webauthn::{CreationOptions, verify_registration},
};

/// The time within which a passkey must be created.
pub(super) const TTL: Duration = Duration::from_mins(10);

/// Returns the options for a ceremony in which this user creates a passkey. Returns `None` if the server has no domain for
/// passkeys.
pub(super) fn creation_options(
    app: &App,
    id: Uuid,
    user: &user::Model,
    user_handle: Uuid,
    existing: &[passkey::Model],
) -> Option<Json> {
    let party = app.config.passkeys.relying_party.as_ref()?;
    let challenge = app.tokens.passkey_challenges(CeremonyPurpose::Creation, id).next()?;
    let user_name = user.email.as_deref().or(user.username.as_deref()).unwrap_or_default();
    let display_name = user.full_name();
    let options = CreationOptions {
        challenge: &challenge,
        user_handle: user_handle.as_bytes(),
        user_name,
        display_name: display_name.as_deref().unwrap_or(user_name),
        exclude: existing.iter().map(passkey::Model::known).collect(),
        timeout: TTL,
    };
    Some(options.to_json(party))
}

/// Verifies a `RegistrationResponseJSON`. Returns `None` if the response is wrong for any reason. If no name is given,
/// the passkey gets the name of its authenticator.
pub(super) fn verify(
    app: &App,
    ceremony: &passkey_ceremony::Model,
    response: &Json,
    name: Option<String>,
) -> Option<RegisteredPasskey> {
    let party = app.config.passkeys.relying_party.as_ref()?;
    // a server with another SECRET_KEY may have started the ceremony
    let mut verified = app
        .tokens
        .passkey_challenges(CeremonyPurpose::Creation, ceremony.id)
        .map(|challenge| verify_registration(party, &challenge, response));
    let credential = verified.find_map(Result::ok)?;
    let name = name.unwrap_or_else(|| default_name(credential.aaguid).to_owned());
    Some(RegisteredPasskey { user_handle: ceremony.user_handle, credential, name })
}
