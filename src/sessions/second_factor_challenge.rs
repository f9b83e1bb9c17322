//! The challenge that is issued instead of a session if the first proof is correct and the account has a second factor.

use std::time::Duration;

use sea_orm::DbErr;
use serde_json::Value as Json;
use uuid::Uuid;

use super::passkey_options::passkey_options;
use crate::{
    app::App,
    challenges::RegisteredIdentity,
    rate_limit::Attempt,
    secrets,
    storage::{
        Timestamp, Txn, passkey, recovery_code,
        second_factor_challenge::{self, Model},
        session,
        user::{self, SecondFactorMethod},
    },
    tokens::CeremonyPurpose,
};

/// The time within which the second factor must be proven.
const TTL: Duration = Duration::from_mins(10);

/// A challenge, as the client sees it.
#[derive(Clone, Debug)]
pub struct SecondFactorChallenge {
    /// The ID to send with the proof.
    pub id: Uuid,
    /// The methods that the user can use.
    pub methods: Vec<SecondFactorMethod>,
    /// The passkeys that the user can use.
    passkeys: Vec<passkey::Model>,
    /// The time until the challenge expires.
    pub expires_in: Duration,
}

impl SecondFactorChallenge {
    /// Writes a challenge for a locked user. `session` is the session that would otherwise be opened.
    pub(super) async fn issue(
        txn: &Txn,
        user: &user::Model,
        session: &session::Model,
        identity: Option<RegisteredIdentity>,
        attempt: Option<Attempt>,
    ) -> Result<Self, DbErr> {
        let now = session.created_at;
        let row = Model {
            id: secrets::uuid_v4(),
            user_id: user.id,
            credentials_version: user.credentials_version,
            methods: session.methods.clone(),
            identity: identity.and_then(|identity| serde_json::to_string(&identity).ok()),
            charges: attempt.map(|attempt| attempt.defer()),
            attempts: 0,
            created_at: now,
            expires_at: Timestamp(now.0 + TTL),
            ended_at: None,
        };
        let id = row.id;
        second_factor_challenge::insert(txn, row).await?;
        let (methods, passkeys) = (usable_methods(txn, user).await?, usable_passkeys(txn, user).await?);
        Ok(Self { id, methods, passkeys, expires_in: TTL })
    }

    /// Returns the options with which the browser requests a passkey, if the user has one.
    #[must_use]
    pub fn passkey_options(&self, app: &App) -> Option<Json> {
        if self.passkeys.is_empty() {
            return None;
        }
        passkey_options(app, CeremonyPurpose::SecondFactor, self.id, &self.passkeys, self.expires_in)
    }
}

/// Returns the methods by which a user can currently prove a second factor.
pub async fn usable_methods(
    on: &impl sea_orm::ConnectionTrait,
    user: &user::Model,
) -> Result<Vec<SecondFactorMethod>, DbErr> {
    let mut methods = user.second_factors();
    if !recovery_code::list_usable(on, &[user.id]).await?.is_empty() {
        methods.push(SecondFactorMethod::RecoveryCode);
    }
    Ok(methods)
}

/// Returns the passkeys that a user can currently use.
pub async fn usable_passkeys(
    on: &impl sea_orm::ConnectionTrait,
    user: &user::Model,
) -> Result<Vec<passkey::Model>, DbErr> {
    if user.has_passkey() { passkey::list(on, &[user.id]).await } else { Ok(Vec::new()) }
}
