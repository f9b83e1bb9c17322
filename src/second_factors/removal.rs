//! Removing second factors, and undoing changes to them.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    security_changes::UNDO_TTL,
    storage::{
        Timestamp, Txn, recovery_code, session, totp,
        user::{self, SecondFactorMethod},
        user_changes,
    },
};

/// Removes every second factor of a locked user, so that [`revert`] can restore them. Returns the changed row.
///
/// Sessions that were opened with a second factor continue, but count as opened with one proof.
pub async fn remove_all(txn: &Txn, user_id: Uuid, now: Timestamp) -> Result<Option<user::Model>, DbErr> {
    let undo_until = Timestamp(now.0 + UNDO_TTL);
    totp::remove(txn, user_id, now, undo_until).await?;
    recovery_code::remove_all(txn, user_id, now, undo_until).await?;
    for session in session::list_live(txn, &[user_id], now).await? {
        let lowered = session.clone().without_second_factors();
        if lowered != session {
            session::set_methods(txn, session.id, &lowered.methods()).await?;
        }
    }
    user_changes::set_second_factors(txn, user_id, &[], now).await
}

/// What a password reset has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// Nothing, or recovery codes that were replaced by the ones before.
    NoFactor,
    /// Every second factor.
    AllFactors,
}

/// Removes the second factors of a locked user that are younger than 72 hours, as a password reset does, because a thief may have
/// enrolled them. An older factor stays: its owner has not undone it, and a thief who reads the mailbox must not get past it.
///
/// The authenticator that a young one has replaced is not restored, because the owner may have lost it. Young recovery codes beside an
/// older authenticator are deleted, and those from before are restored: the owner has the authenticator.
pub async fn remove_young(txn: &Txn, user: &user::Model, now: Timestamp) -> Result<Removed, DbErr> {
    let oldest_young = Timestamp(now.0 - UNDO_TTL);
    let enabled_at = totp::find(txn, user.id).await?.and_then(|totp| totp.enabled_at);
    if enabled_at.is_some_and(|enabled_at| enabled_at.0 >= oldest_young.0) {
        remove_all(txn, user.id, now).await?;
        return Ok(Removed::AllFactors);
    }
    if recovery_code::delete_since(txn, user.id, oldest_young).await? > 0 {
        recovery_code::restore_since(txn, user.id, oldest_young).await?;
    }
    Ok(Removed::NoFactor)
}

/// Undoes the changes to the second factors of a locked user since a moment: removes those enrolled since, and restores those
/// removed since.
pub async fn revert(txn: &Txn, user: &user::Model, since: Timestamp, now: Timestamp) -> Result<(), DbErr> {
    totp::delete_since(txn, user.id, since).await?;
    totp::restore_since(txn, user.id, since).await?;
    recovery_code::delete_since(txn, user.id, since).await?;
    recovery_code::restore_since(txn, user.id, since).await?;
    let has_totp = totp::find(txn, user.id).await?.is_some();
    let left = Vec::from_iter(has_totp.then_some(SecondFactorMethod::Totp));
    user_changes::set_second_factors(txn, user.id, &left, now).await.map(drop)
}
