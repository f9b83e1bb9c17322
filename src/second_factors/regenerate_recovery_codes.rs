//! Replacing the recovery codes.

use super::{
    finish_totp_enrolment::SecondFactorsEnabled,
    recovery_codes::{NewCodes, generate},
};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    security_changes::{SecurityChange, UNDO_TTL},
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, recovery_code, security_change::ChangeKind},
};

/// The reasons why the codes are not replaced.
#[derive(Debug)]
pub enum RegenerateRecoveryCodesRefusal {
    /// The account has no second factor.
    NotEnabled,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for RegenerateRecoveryCodesRefusal {}

impl From<ReauthenticationRequired> for RegenerateRecoveryCodesRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Replaces all of the viewer's recovery codes, used and unused.
pub async fn regenerate_recovery_codes(
    app: &App,
    viewer: &Viewer,
) -> Result<SecondFactorsEnabled, Failure<RegenerateRecoveryCodesRefusal>> {
    let viewer = step_up(app, viewer)?;
    if !viewer.user.has_second_factor() {
        return Err(RegenerateRecoveryCodesRefusal::NotEnabled.into());
    }
    let user_id = viewer.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::RecoveryCodesReplaced).await?;
    let NewCodes { shown, digests } = generate(user_id);
    let (claim, now) = (viewer.claim(), Timestamp(app.clock.now()));
    let replaced = app
        .db
        .write(async move |txn| {
            let locked = claim.lock(&txn, now).await?;
            let Some((user, _)) = locked.filter(|(user, _)| user.has_second_factor()) else {
                return Ok(None);
            };
            recovery_code::remove_all(&txn, user_id, now, Timestamp(now.0 + UNDO_TTL)).await?;
            recovery_code::insert_many(&txn, user_id, digests, now).await?;
            change.insert(&txn, &user, &[]).await?;
            Ok(Some(user))
        })
        .await?;
    outbox::wake(app);
    let user = replaced.ok_or(RegenerateRecoveryCodesRefusal::ReauthenticationRequired)?;
    Ok(SecondFactorsEnabled { user, recovery_codes: shown, ended: Vec::new() })
}
