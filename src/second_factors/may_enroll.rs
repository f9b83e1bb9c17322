//! Who may enroll a second factor.

use crate::{
    app::App,
    fault::Refusal,
    security_changes::proven_address,
    sessions::{ReauthenticationRequired, SteppedUp, Viewer, step_up, step_up_by_email},
};

/// The reasons why no enrollment starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentRefusal {
    /// The email address of the account is not verified, so its owner could not undo the enrollment.
    EmailNotVerified,
    /// The viewer must reauthenticate first, with a second factor if the account has one.
    ReauthenticationRequired,
    /// The viewer must reauthenticate first, with an emailed code.
    EmailCodeRequired,
}

impl Refusal for EnrolmentRefusal {}

impl From<ReauthenticationRequired> for EnrolmentRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Returns an error unless the viewer may enroll a factor.
///
/// Without this check, a thief with a stolen session or password could enroll a factor of their own and lock out the
/// owner. Such a thief has neither access to the owner's mailbox nor any factor that the account already has.
pub fn may_enroll<'v>(app: &App, viewer: &'v Viewer) -> Result<SteppedUp<'v>, EnrolmentRefusal> {
    let user = &viewer.user;
    match (&user.email, proven_address(user)) {
        (Some(_), None) => Err(EnrolmentRefusal::EmailNotVerified),
        (Some(_), Some(_)) if !user.has_second_factor() => {
            step_up_by_email(app, viewer).map_err(|_| EnrolmentRefusal::EmailCodeRequired)
        }
        _ => Ok(step_up(app, viewer)?),
    }
}
