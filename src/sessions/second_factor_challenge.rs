//! The challenge in place of a session: the first proof was right, and the account has a second factor.

use std::time::Duration;

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    challenges::RegisteredIdentity,
    rate_limit::Attempt,
    secrets,
    storage::{
        Timestamp, Txn, recovery_code,
        second_factor_challenge::{self, Model},
        session,
        user::{self, SecondFactorMethod},
    },
};

/// The time in which the second factor must be proven.
const TTL: Duration = Duration::from_mins(10);

/// A challenge, as the client sees it.
#[derive(Clone, Debug)]
pub struct SecondFactorChallenge {
    /// The ID to send with the proof.
    pub id: Uuid,
    /// The methods that the user can use.
    pub methods: Vec<SecondFactorMethod>,
    /// The time until the challenge expires.
    pub expires_in: Duration,
}

impl SecondFactorChallenge {
    /// Writes a challenge for a locked user. `session` is the one that would have been opened.
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
        Ok(Self { id, methods: usable_methods(txn, user).await?, expires_in: TTL })
    }
}

/// Returns the methods by which a user can prove a second factor now.
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
