//! The rules for superusers who change the accounts of others.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    fault::{Failure, Refusal},
    rate_limit::{self, Action},
    sessions::{ReauthenticationRequired, Viewer, ViewerClaim, step_up},
    storage::{
        Timestamp, Txn, challenge, session_end,
        user::{self, Role},
        user_changes,
        user_changes::Administration,
    },
};

/// The reasons why an account is not changed.
#[derive(Debug)]
pub enum AdministrationRefusal {
    /// No such user exists.
    NotFound,
    /// The account is the acting superuser's own, or that user is no longer a superuser.
    NotAllowed,
    /// The user's passkeys are their only way to sign in.
    LastSignInMethod,
    /// The superuser must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for AdministrationRefusal {}

impl From<ReauthenticationRequired> for AdministrationRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Changes the account of another user and returns the changed row. Deactivation also ends the user's sessions and open
/// challenges.
///
/// At least one superuser always remains: the one who makes the change. Superusers cannot change their own accounts,
/// and both rows are locked before the role of the acting superuser is checked. If two superusers demote each other at
/// the same time, the second request is therefore refused.
pub(super) async fn administer(
    app: &App,
    by: &Viewer,
    id: Uuid,
    change: Administration,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    let (by, claim) = (step_up(app, by)?.user.id, by.claim());
    if by == id {
        return Err(AdministrationRefusal::NotAllowed.into());
    }
    rate_limit::charge(app, Action::Write(by)).await?;

    let now = Timestamp(app.clock.now());
    let administered = app
        .db
        .write(async move |txn| {
            let locked = user::lock(&txn, &[by, id]).await?;
            if !is_present(&txn, claim, by, &locked, now).await? {
                return Ok(Err(AdministrationRefusal::ReauthenticationRequired));
            }
            if locked.iter().all(|user| user.id != id) {
                return Ok(Err(AdministrationRefusal::NotFound));
            }
            let Some(user) = user_changes::administer(&txn, id, change, by, now).await? else {
                return Ok(Err(AdministrationRefusal::NotAllowed));
            };
            if change == Administration::IsActive(false) {
                user_changes::raise_credentials_version(&txn, id).await?;
                session_end::end_all(&txn, id, now).await?;
                // otherwise an old link would work again after a reactivation of the account
                challenge::end_all_of(&txn, id, now).await?;
                if let Some(key) = &user.email_key {
                    challenge::end_all(&txn, key, now).await?;
                }
            }
            Ok(Ok(user))
        })
        .await?;
    Ok(administered?)
}

/// Returns whether the acting superuser, who is among the locked users, is still signed in, with a second factor if
/// their account has one. Returns `true` for anybody who is not an active superuser, because the caller refuses them
/// for that reason.
pub(super) async fn is_present(
    txn: &Txn,
    claim: ViewerClaim,
    by: Uuid,
    locked: &[user::Model],
    now: Timestamp,
) -> Result<bool, DbErr> {
    match locked.iter().find(|user| user.id == by) {
        Some(by) if by.is_active && by.role == Role::Superuser => Ok(claim.of(by, txn, now).await?.is_some()),
        _ => Ok(true),
    }
}
