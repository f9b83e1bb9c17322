//! Unlinking an account at a provider from the viewer's account.

use uuid::Uuid;

use super::account::usable_identities;
use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    security_changes::SecurityChange,
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, identity, security_change::ChangeKind, user, user_changes},
};

/// The reasons why the account stays linked.
#[derive(Debug)]
pub enum UnlinkIdentityRefusal {
    /// The user has no password, no passkey and no other identity, so they could no longer sign in.
    LastSignInMethod,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for UnlinkIdentityRefusal {}

impl From<ReauthenticationRequired> for UnlinkIdentityRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Unlinks one of the viewer's identities. Makes the viewer's sign-ins in progress fail, because they may be using the
/// identity. Changes nothing if the viewer has no such identity.
pub async fn unlink_identity(
    app: &App,
    viewer: &Viewer,
    identity_id: Uuid,
) -> Result<user::Model, Failure<UnlinkIdentityRefusal>> {
    let viewer = step_up(app, viewer)?;
    rate_limit::charge(app, Action::Write(viewer.user.id)).await?;
    let (id, claim, now) = (viewer.user.id, viewer.claim(), Timestamp(app.clock.now()));
    if identity::list(app.db.read(), &[id]).await?.iter().all(|identity| identity.id != identity_id) {
        return Ok(user::Model::clone(&viewer.user));
    }
    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::IdentityUnlinked).await?;
    let is_usable = usable_identities(app);
    let unlink = app.db.write(async move |txn| {
        let Some((user, _)) = claim.lock(&txn, now).await? else {
            return Ok(Err(UnlinkIdentityRefusal::ReauthenticationRequired));
        };
        let (unlinked, others): (Vec<_>, Vec<_>) =
            identity::list(&txn, &[id]).await?.into_iter().partition(|identity| identity.id == identity_id);
        if unlinked.is_empty() {
            return Ok(Ok(user));
        }
        // read under the lock, because a reset or an undo may have removed other sign-in methods in the meantime
        if user.password_hash.is_none() && !user.has_passkey() && !others.iter().any(&is_usable) {
            return Ok(Err(UnlinkIdentityRefusal::LastSignInMethod));
        }
        change.insert(&txn, &user, &unlinked).await?;
        identity::delete(&txn, id, &unlinked, now).await?;
        user_changes::raise_credentials_version(&txn, id).await?;
        Ok(Ok(user))
    });
    let unlinked = unlink.await?;
    outbox::wake(app);
    Ok(unlinked?)
}
