//! Step-up authentication: changes to the sign-in methods of an account require a recent reauthentication.

use std::ops::Deref;

use super::viewer::Viewer;
use crate::{
    app::App,
    fault::{Failure, Refusal},
};

/// A viewer whose access token shows a recent proof of identity. Use cases that need such a proof take this type or
/// call [`step_up`] first.
#[derive(Clone, Copy, Debug)]
pub struct SteppedUp<'v>(&'v Viewer);

/// The refusal after which the client must call `reauthenticate` and then send the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReauthenticationRequired;

impl<R: Refusal + From<ReauthenticationRequired>> From<ReauthenticationRequired> for Failure<R> {
    fn from(required: ReauthenticationRequired) -> Self {
        Self::Refused(required.into())
    }
}

impl Deref for SteppedUp<'_> {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        self.0
    }
}

/// Requires a reauthentication or sign-in at most `STEP_UP_MAX_AGE` ago. If the user has a second factor, it must have
/// been one of the proofs.
///
/// The check depends on the access token of the request, not on the row of the session, so a stolen copy of an earlier
/// token gains nothing when the owner reauthenticates.
pub fn step_up<'v>(app: &App, viewer: &'v Viewer) -> Result<SteppedUp<'v>, ReauthenticationRequired> {
    let is_enough = !viewer.user.has_second_factor() || viewer.amr.is_multi_factor();
    if is_enough && is_recent(app, viewer) { Ok(SteppedUp(viewer)) } else { Err(ReauthenticationRequired) }
}

/// Requires a recent proof by an emailed code or link. Such a proof is needed to enroll the first second factor,
/// because a thief who knows the password could otherwise enroll a factor and lock out the owner.
pub fn step_up_by_email<'v>(
    app: &App,
    viewer: &'v Viewer,
) -> Result<SteppedUp<'v>, ReauthenticationRequired> {
    if viewer.amr.is_by_email() && is_recent(app, viewer) {
        Ok(SteppedUp(viewer))
    } else {
        Err(ReauthenticationRequired)
    }
}

fn is_recent(app: &App, viewer: &Viewer) -> bool {
    app.clock.now() - viewer.authenticated_at < app.config.tokens.step_up_max_age
}
