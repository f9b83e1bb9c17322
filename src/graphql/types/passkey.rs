//! Passkeys, and the ceremonies in which browsers create and use them.

use async_graphql::{ID, Object, SimpleObject, Union};
use time::OffsetDateTime;

use super::json::Json;
use crate::{
    graphql::{numbers::whole_seconds, refusal::UserError},
    passkeys,
    storage::passkey,
};

/// A passkey: a key pair on a device or in a password manager. The user can sign in with it instead of a password.
pub struct Passkey(passkey::Model);

/// A passkey: a key pair on a device or in a password manager. The user can sign in with it instead of a password.
#[Object]
impl Passkey {
    /// The ID of the passkey: opaque and never reused.
    pub async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The ID by which browsers know the passkey, in base64url. After the passkey is removed, pass this ID to
    /// `PublicKeyCredential.signalUnknownCredential`, so that password managers forget the passkey.
    async fn credential_id(&self) -> &str {
        &self.0.credential_id
    }

    /// The name that the user gave to the passkey, or else the name of the device or password manager.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the passkey is on more than one device, or in a backup.
    async fn is_synced(&self) -> bool {
        self.0.is_backed_up
    }

    /// When the passkey was added.
    async fn created_at(&self) -> OffsetDateTime {
        self.0.created_at.0
    }

    /// When the passkey was last used. Null if never.
    async fn last_used_at(&self) -> Option<OffsetDateTime> {
        self.0.last_used_at.map(|at| at.0)
    }
}

impl From<passkey::Model> for Passkey {
    fn from(row: passkey::Model) -> Self {
        Self(row)
    }
}

/// A ceremony in progress: the browser creates or uses a passkey, and the app sends the result to the mutation that
/// finishes the ceremony.
#[derive(SimpleObject)]
pub struct PasskeyCeremony {
    /// The ID to send with the credential.
    id: ID,
    /// The options for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    options: Json,
    /// Seconds until the ceremony expires.
    expires_in: i32,
}

impl From<passkeys::PasskeyCeremony> for PasskeyCeremony {
    fn from(started: passkeys::PasskeyCeremony) -> Self {
        Self {
            id: started.id.into(),
            options: Json(started.options),
            expires_in: whole_seconds(started.expires_in),
        }
    }
}

/// The result of starting a ceremony with a passkey.
#[derive(Union)]
pub enum PasskeyCeremonyResult {
    /// The ceremony was started.
    PasskeyCeremony(PasskeyCeremony),
    /// The request was refused.
    UserError(UserError),
}

/// The result of changing a passkey.
#[derive(Union)]
pub enum PasskeyResult {
    /// The passkey after the change.
    Passkey(Passkey),
    /// The request was refused.
    UserError(UserError),
}
