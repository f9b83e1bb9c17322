//! Unlinking Google from the viewer's account.

use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    security_changes::SecurityChange,
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, identity, security_change::ChangeKind, user, user_changes},
};

/// The reasons why Google stays linked.
#[derive(Debug)]
pub enum UnlinkGoogleRefusal {
    /// The account has no password, so its owner could no longer sign in.
    LastSignInMethod,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for UnlinkGoogleRefusal {}

impl From<ReauthenticationRequired> for UnlinkGoogleRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Unlinks every Google account of the viewer, and invalidates sign-ins with these accounts that are in progress. If none is
/// linked, this is not an error.
pub async fn unlink_google(app: &App, viewer: &Viewer) -> Result<user::Model, Failure<UnlinkGoogleRefusal>> {
    let viewer = step_up(app, viewer)?;
    rate_limit::charge(app, Action::Write(viewer.user.id)).await?;
    let (id, now) = (viewer.user.id, Timestamp(app.clock.now()));
    if identity::list(app.db.read(), &[id]).await?.is_empty() {
        return Ok(user::Model::clone(&viewer.user));
    }
    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::IdentityUnlinked).await?;
    let unlink = app.db.write(async move |txn| {
        let Some(user) = user::lock(&txn, &[id]).await?.pop() else { return Ok(None) };
        let linked = identity::list(&txn, &[id]).await?;
        if linked.is_empty() {
            return Ok(Some(user));
        }
        // read under the lock, because a reset or an undo may have removed the password in the meantime
        if user.password_hash.is_none() {
            return Ok(None);
        }
        change.insert(&txn, &user, &linked).await?;
        identity::delete(&txn, id, &linked, now).await?;
        user_changes::raise_credentials_version(&txn, id).await?;
        Ok(Some(user))
    });
    let unlinked = unlink.await?;
    outbox::wake(app);
    Ok(unlinked.ok_or(UnlinkGoogleRefusal::LastSignInMethod)?)
}
