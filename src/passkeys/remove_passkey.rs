//! Removing a passkey.

use uuid::Uuid;

use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    provider_login::usable_identities,
    rate_limit::{self, Action},
    second_factors::remove_passkeys,
    security_changes::SecurityChange,
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, identity, passkey, security_change::ChangeKind, user},
};

/// The reasons why a passkey is not removed.
#[derive(Debug)]
pub enum RemovePasskeyRefusal {
    /// The user has no password, no linked identity and no other passkey, so they could no longer sign in.
    LastSignInMethod,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for RemovePasskeyRefusal {}

impl From<ReauthenticationRequired> for RemovePasskeyRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Removes one of the viewer's passkeys and, if it was the last factor, the recovery codes. Changes nothing if the viewer
/// has no such passkey.
pub async fn remove_passkey(
    app: &App,
    viewer: &Viewer,
    id: Uuid,
) -> Result<user::Model, Failure<RemovePasskeyRefusal>> {
    let viewer = step_up(app, viewer)?;
    let user_id = viewer.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    if passkey::find(app.db.read(), id).await?.is_none_or(|passkey| passkey.user_id != user_id) {
        return Ok(user::Model::clone(&viewer.user));
    }
    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::PasskeyRemoved).await?;
    let is_usable = usable_identities(app);
    let (claim, now) = (viewer.claim(), Timestamp(app.clock.now()));
    let removed = app
        .db
        .write(async move |txn| {
            let Some((user, _)) = claim.lock(&txn, now).await? else {
                return Ok(Err(RemovePasskeyRefusal::ReauthenticationRequired));
            };
            let (removed, others): (Vec<_>, Vec<_>) =
                passkey::list(&txn, &[user_id]).await?.into_iter().partition(|passkey| passkey.id == id);
            if removed.is_empty() {
                return Ok(Ok(user));
            }
            // read under the lock, because a reset or an undo may have removed other sign-in methods in the meantime
            let has_other_way = user.password_hash.is_some()
                || !others.is_empty()
                || identity::list(&txn, &[user_id]).await?.iter().any(&is_usable);
            if !has_other_way {
                return Ok(Err(RemovePasskeyRefusal::LastSignInMethod));
            }
            change.insert(&txn, &user, &[]).await?;
            Ok(Ok(remove_passkeys(&txn, user_id, &[id], now).await?.unwrap_or(user)))
        })
        .await?;
    outbox::wake(app);
    Ok(removed?)
}
