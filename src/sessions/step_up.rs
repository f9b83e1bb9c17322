//! Step-up: what decides who gets into an account asks for a recent proof by its owner.

use std::ops::Deref;

use super::Viewer;
use crate::{
    app::App,
    fault::{Failure, Refusal},
};

/// A viewer whose access token carries a recent proof. Use cases that need one take this type, or call [`step_up`] first.
#[derive(Clone, Copy, Debug)]
pub struct SteppedUp<'v>(&'v Viewer);

/// The viewer has not proven recently enough who they are: `reauthenticate`, and send the same request again.
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

/// Requires a proof that is at most `STEP_UP_MAX_AGE` old. Signing in counts.
///
/// The access token that came decides, and not the session's row: a copy that a thief made gains nothing when the owner
/// proves who they are.
///
/// # Errors
/// [`ReauthenticationRequired`] if the proof is older.
pub fn step_up<'v>(app: &App, viewer: &'v Viewer) -> Result<SteppedUp<'v>, ReauthenticationRequired> {
    let age = app.clock.now() - viewer.authenticated_at;
    if age < app.config.tokens.step_up_max_age {
        Ok(SteppedUp(viewer))
    } else {
        Err(ReauthenticationRequired)
    }
}
