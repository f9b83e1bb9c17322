//! Checking the proof that a browser makes with a passkey.

use sea_orm::DbErr;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, Txn, passkey},
    tokens::CeremonyPurpose,
    webauthn::{Assertion, ClaimedCredential, StoredKey, verify_authentication},
};

/// A passkey whose proof was valid when it was checked.
#[derive(Clone, Debug)]
pub struct ProvenPasskey {
    /// The passkey, as stored before this use.
    pub passkey: passkey::Model,
    /// What the authenticator asserted.
    pub assertion: Assertion,
}

impl ProvenPasskey {
    /// Records the use. Returns `false` if the passkey was removed in the meantime, or if another request has recorded
    /// the same or a higher signature count for a device-bound key.
    pub async fn record_use(&self, txn: &Txn, now: Timestamp) -> Result<bool, DbErr> {
        let Assertion { sign_count, is_backed_up } = self.assertion;
        passkey::record_use(txn, self.passkey.id, sign_count.into(), is_backed_up, now).await
    }
}

/// A passkey that the browser claims to have used.
#[derive(Clone, Debug)]
pub struct ClaimedPasskey {
    /// The passkey.
    pub passkey: passkey::Model,
    /// Whether the authenticator named the account, which it must do if the options name no passkeys (`WebAuthn` §7.2).
    pub names_account: bool,
}

impl ClaimedPasskey {
    /// Finds the passkey of an `AuthenticationResponseJSON`. Returns `None` if it is unknown or removed, or belongs to
    /// a different account from the one that the authenticator names.
    pub async fn find(app: &App, response: &Json) -> Result<Option<Self>, Fault> {
        let Ok(claimed) = ClaimedCredential::read(response) else { return Ok(None) };
        let found = passkey::find_by_credential_id(app.db.read(), &claimed.credential_id).await?;
        let is_of_account = |passkey: &passkey::Model| {
            claimed.user_handle.as_ref().is_none_or(|handle| handle == passkey.user_handle.as_bytes())
        };
        let names_account = claimed.user_handle.is_some();
        Ok(found.filter(is_of_account).map(|passkey| Self { passkey, names_account }))
    }

    /// Checks the response for the ceremony with this ID. Returns `None` if the response is wrong for any reason.
    ///
    /// This charges no budget, because nobody can guess a signature.
    #[must_use]
    pub fn prove(
        self,
        app: &App,
        (purpose, id): (CeremonyPurpose, Uuid),
        response: &Json,
    ) -> Option<ProvenPasskey> {
        let Self { passkey, .. } = self;
        let party = app.config.passkeys.relying_party.as_ref()?;
        let key = StoredKey {
            public_key: &passkey.public_key,
            sign_count: passkey.sign_count.try_into().unwrap_or(u32::MAX),
            is_backup_eligible: passkey.is_backup_eligible,
        };
        // a server with another SECRET_KEY may have started the ceremony
        let mut verified = app
            .tokens
            .passkey_challenges(purpose, id)
            .map(|challenge| verify_authentication(party, &challenge, response, &key));
        let assertion = verified.find_map(Result::ok)?;
        Some(ProvenPasskey { passkey, assertion })
    }
}
