//! Removing the second factors of a user who has lost them.

use sea_orm::DbErr;
use uuid::Uuid;

use super::administration::{AdministrationRefusal, is_present};
use crate::{
    app::App,
    fault::Failure,
    input::{EmailAddress, Username},
    outbox,
    provider_login::usable_identities,
    rate_limit::{self, Action},
    second_factors,
    security_changes::SecurityChange,
    sessions::{Viewer, step_up},
    storage::{
        Timestamp, Txn, identity,
        security_change::ChangeKind,
        user::{self, Role},
    },
};

/// Removes every second factor of another user. The user gets a notice with a link that restores the factors, because
/// somebody other than the user may have asked for the reset.
pub async fn reset_second_factors(
    app: &App,
    by: &Viewer,
    id: Uuid,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    let (by, claim) = (step_up(app, by)?.user.id, by.claim());
    if by == id {
        return Err(AdministrationRefusal::NotAllowed.into());
    }
    rate_limit::charge(app, Action::Write(by)).await?;
    let found = user::find(app.db.read(), id).await?.ok_or(AdministrationRefusal::NotFound)?;
    let change = SecurityChange::announce(app, &found, ChangeKind::SecondFactorRemoved).await?;
    let (is_usable, now) = (usable_identities(app), Timestamp(app.clock.now()));
    let reset = app
        .db
        .write(async move |txn| {
            let locked = user::lock(&txn, &[by, id]).await?;
            if !is_present(&txn, claim, by, &locked, now).await? {
                return Ok(Err(AdministrationRefusal::ReauthenticationRequired));
            }
            // read under the lock, because another superuser may have demoted this one
            let is_superuser =
                |user: &user::Model| user.id == by && user.is_active && user.role == Role::Superuser;
            if !locked.iter().any(is_superuser) {
                return Ok(Err(AdministrationRefusal::NotAllowed));
            }
            let Some(user) = locked.into_iter().find(|user| user.id == id) else {
                return Ok(Err(AdministrationRefusal::NotFound));
            };
            reset(&txn, user, change, is_usable, now).await
        })
        .await?;
    outbox::wake(app);
    Ok(reset?)
}

/// Does the same as [`reset_second_factors`] on behalf of the server's operator. Returns the user as they were before
/// the reset, or `None` if no account has this email address or username.
pub async fn reset_second_factors_by_operator(
    app: &App,
    identifier: &str,
) -> Result<Option<user::Model>, Failure<AdministrationRefusal>> {
    let found = match (EmailAddress::parse(identifier), Username::parse(identifier)) {
        (Ok(email), _) => user::find_by_email_key(app.db.read(), email.key()).await?,
        (_, Ok(username)) => user::find_by_username_key(app.db.read(), &username.key()).await?,
        _ => None,
    };
    let Some(found) = found else { return Ok(None) };
    if !found.has_second_factor() {
        return Ok(Some(found));
    }
    let id = found.id;
    let change = SecurityChange::announce(app, &found, ChangeKind::SecondFactorRemoved).await?;
    let (is_usable, now) = (usable_identities(app), Timestamp(app.clock.now()));
    let reset = app
        .db
        .write(async move |txn| match user::lock(&txn, &[id]).await?.pop() {
            Some(user) => reset(&txn, user, change, is_usable, now).await,
            None => Ok(Err(AdministrationRefusal::NotFound)),
        })
        .await?;
    reset?;
    Ok(Some(found))
}

async fn reset(
    txn: &Txn,
    user: user::Model,
    change: SecurityChange,
    is_usable: impl Fn(&identity::Model) -> bool,
    now: Timestamp,
) -> Result<Result<user::Model, AdministrationRefusal>, DbErr> {
    if !user.has_second_factor() {
        return Ok(Ok(user));
    }
    let has_other_way = user.password_hash.is_some()
        || user.email.is_some()
        || identity::list(txn, &[user.id]).await?.iter().any(is_usable);
    if !has_other_way {
        return Ok(Err(AdministrationRefusal::LastSignInMethod));
    }
    change.insert(txn, &user, &[]).await?;
    Ok(Ok(second_factors::remove_all(txn, user.id, now).await?.unwrap_or(user)))
}
