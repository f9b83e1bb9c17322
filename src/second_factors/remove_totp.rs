//! Removing the authenticator app.

use super::removal::remove_authenticator;
use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    security_changes::SecurityChange,
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{
        Timestamp,
        security_change::ChangeKind,
        user::{self, SecondFactorMethod},
    },
};

/// The reasons why the authenticator is not removed.
#[derive(Debug)]
pub enum RemoveTotpRefusal {
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for RemoveTotpRefusal {}

impl From<ReauthenticationRequired> for RemoveTotpRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Removes the viewer's authenticator and, if it was the last factor, the recovery codes. Changes nothing if there is no
/// authenticator.
pub async fn remove_totp(app: &App, viewer: &Viewer) -> Result<user::Model, Failure<RemoveTotpRefusal>> {
    let viewer = step_up(app, viewer)?;
    let user_id = viewer.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    if !has_totp(&viewer.user) {
        return Ok(user::Model::clone(&viewer.user));
    }
    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::SecondFactorRemoved).await?;
    let (claim, now) = (viewer.claim(), Timestamp(app.clock.now()));
    let removed = app
        .db
        .write(async move |txn| {
            let Some((user, _)) = claim.lock(&txn, now).await? else { return Ok(None) };
            if !has_totp(&user) {
                return Ok(Some(user));
            }
            change.insert(&txn, &user, &[]).await?;
            remove_authenticator(&txn, user_id, now).await
        })
        .await?;
    outbox::wake(app);
    Ok(removed.ok_or(RemoveTotpRefusal::ReauthenticationRequired)?)
}

fn has_totp(user: &user::Model) -> bool {
    user.second_factors().contains(&SecondFactorMethod::Totp)
}
