//! Starting a sign-in with a passkey.

use std::time::Duration;

use super::PasskeyCeremony;
use crate::{app::App, fault::Refusal, secrets, sessions::passkey_options, tokens::CeremonyPurpose};

/// The time within which a sign-in must be finished. It is long, because the sign-in page starts the sign-in as soon as
/// the page opens.
pub(super) const TTL: Duration = Duration::from_hours(1);

/// The refusal of a server that has no domain for passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeysNotEnabled;

impl Refusal for PasskeysNotEnabled {}

/// Starts a sign-in with any passkey that the person has for the site. Nothing is stored, because every visit to the
/// sign-in page starts a sign-in. Instead, the challenge is derived from the ID, which contains the time.
pub fn start_passkey_login(app: &App) -> Result<PasskeyCeremony, PasskeysNotEnabled> {
    let id = secrets::uuid_v7(app.clock.now());
    let options = passkey_options(app, CeremonyPurpose::Login, id, &[], TTL).ok_or(PasskeysNotEnabled)?;
    Ok(PasskeyCeremony { id, options, expires_in: TTL })
}
