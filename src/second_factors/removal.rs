//! Removing second factors, and undoing changes to them.
//!
//! All functions of this module require that their transaction has locked the user.

use sea_orm::DbErr;
use uuid::Uuid;

use super::enrolled::{enrolled, record};
use crate::{
    security_changes::UNDO_TTL,
    storage::{Timestamp, Txn, passkey, recovery_code, session, totp, user, user_changes},
};

/// Removes all second factors of a user. [`revert`] can restore them. Returns the changed user.
pub async fn remove_all(txn: &Txn, user_id: Uuid, now: Timestamp) -> Result<Option<user::Model>, DbErr> {
    totp::remove(txn, user_id, now, undo_until(now)).await?;
    let passkeys = passkey::list(txn, &[user_id]).await?;
    let ids: Vec<_> = passkeys.iter().map(|passkey| passkey.id).collect();
    passkey::remove(txn, &ids, now, undo_until(now)).await?;
    settle(txn, user_id, now).await
}

/// Removes the authenticator of a user. [`revert`] can restore it. Returns the changed user.
pub(super) async fn remove_authenticator(
    txn: &Txn,
    user_id: Uuid,
    now: Timestamp,
) -> Result<Option<user::Model>, DbErr> {
    totp::remove(txn, user_id, now, undo_until(now)).await?;
    settle(txn, user_id, now).await
}

/// Removes passkeys of a user. [`revert`] can restore them. Returns the changed user.
pub async fn remove_passkeys(
    txn: &Txn,
    user_id: Uuid,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Option<user::Model>, DbErr> {
    passkey::remove(txn, ids, now, undo_until(now)).await?;
    settle(txn, user_id, now).await
}

/// Records that factors of a user were removed. If no factor is left, the recovery codes are removed, and sessions that were
/// opened with two proofs continue as if they had been opened with one. Returns the changed user.
async fn settle(txn: &Txn, user_id: Uuid, now: Timestamp) -> Result<Option<user::Model>, DbErr> {
    let left = enrolled(txn, user_id).await?;
    if left.is_empty() {
        recovery_code::remove_all(txn, user_id, now, undo_until(now)).await?;
        for session in session::list_live(txn, &[user_id], now).await? {
            let lowered = session.clone().without_second_factors();
            if lowered != session {
                session::set_methods(txn, session.id, &lowered.methods()).await?;
            }
        }
    }
    user_changes::set_second_factors(txn, user_id, &left, now).await
}

/// What a password reset has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// No factor. The recovery codes may have been replaced by earlier ones.
    NoFactor,
    /// Second factors.
    Factors,
}

/// Removes the second factors that were enrolled for a user in the last 72 hours. A password reset does this because a
/// thief may have enrolled them. Older factors stay: the owner has not undone their enrollment, and a thief who reads the
/// mailbox must not get past them.
///
/// If a recent authenticator replaced an earlier one, the earlier one is not restored, because the owner may have lost
/// it. If an older factor remains, recent recovery codes are deleted, and the earlier ones are restored, because the
/// owner still has that factor.
pub async fn remove_young(txn: &Txn, user: &user::Model, now: Timestamp) -> Result<Removed, DbErr> {
    if !user.has_second_factor() {
        return Ok(Removed::NoFactor);
    }
    // a stranger may have signed up with the owner's address and a passkey more than 72 hours ago
    if user.email_verified_at.is_none() {
        revert(txn, user, user.created_at, now).await?;
        return Ok(Removed::Factors);
    }
    let oldest_young = Timestamp(now.0 - UNDO_TTL);
    let is_young = |at: Timestamp| at.0 >= oldest_young.0;
    let enabled_at = totp::find(txn, user.id).await?.and_then(|totp| totp.enabled_at);
    let has_young_totp = enabled_at.is_some_and(is_young);
    let passkeys = passkey::list(txn, &[user.id]).await?;
    let young = passkeys.iter().filter(|passkey| is_young(passkey.created_at));
    let young: Vec<_> = young.map(|passkey| passkey.id).collect();
    if has_young_totp {
        totp::remove(txn, user.id, now, undo_until(now)).await?;
    }
    passkey::remove(txn, &young, now, undo_until(now)).await?;
    let removed = if has_young_totp || !young.is_empty() {
        settle(txn, user.id, now).await?;
        Removed::Factors
    } else {
        Removed::NoFactor
    };
    let has_factor = !enrolled(txn, user.id).await?.is_empty();
    if has_factor && recovery_code::delete_since(txn, user.id, oldest_young).await? > 0 {
        recovery_code::restore_since(txn, user.id, oldest_young).await?;
    }
    Ok(removed)
}

/// Undoes the changes that were made to the second factors of a user since a point in time: removes the factors enrolled
/// since then, and restores the factors removed since then.
pub async fn revert(txn: &Txn, user: &user::Model, since: Timestamp, now: Timestamp) -> Result<(), DbErr> {
    totp::delete_since(txn, user.id, since).await?;
    totp::restore_since(txn, user.id, since).await?;
    passkey::delete_since(txn, user.id, since).await?;
    passkey::restore_since(txn, user.id, since).await?;
    recovery_code::delete_since(txn, user.id, since).await?;
    recovery_code::restore_since(txn, user.id, since).await?;
    record(txn, user.id, now).await.map(drop)
}

fn undo_until(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + UNDO_TTL)
}
