//! Finishing the enrollment of an authenticator app with its first code.

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    enrolled::complete,
    recovery_codes::{NewCodes, generate},
    totp::{DIGITS, step_of},
};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::OneTimeCode,
    outbox,
    rate_limit::{self, Action},
    security_changes::{SecurityChange, UNDO_TTL},
    sessions::Viewer,
    storage::{
        Timestamp, recovery_code, security_change::ChangeKind, session::AuthenticationMethod, totp, user,
    },
};

/// The account after a factor was enrolled, or after its recovery codes were replaced.
#[derive(Clone, Debug)]
pub struct SecondFactorsEnabled {
    /// The user.
    pub user: user::Model,
    /// The new recovery codes. Only their digests are stored.
    pub recovery_codes: Vec<SecretString>,
    /// The IDs of the sessions that ended.
    pub ended: Vec<Uuid>,
}

/// The reasons why the authenticator is not enrolled.
#[derive(Debug)]
pub enum FinishTotpEnrolmentRefusal {
    /// The enrollment is unknown, expired or finished, or the account has changed since. The client cannot tell which.
    InvalidToken,
    /// The code is wrong.
    InvalidOtp,
}

impl Refusal for FinishTotpEnrolmentRefusal {}

/// Enrolls the authenticator, which replaces any earlier one, and creates new recovery codes. Ends the viewer's other
/// sessions, because a thief may have opened one of them with a single proof.
///
/// The ID shows that the viewer has started the enrollment, and starting it required a recent proof.
pub async fn finish_totp_enrolment(
    app: &App,
    viewer: &Viewer,
    id: Uuid,
    code: &SecretString,
) -> Result<SecondFactorsEnabled, Failure<FinishTotpEnrolmentRefusal>> {
    let user_id = viewer.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    let enrolment = totp::find_enrolment(app.db.read(), id, user_id, Timestamp(app.clock.now())).await?;
    let enrolment = enrolment.ok_or(FinishTotpEnrolmentRefusal::InvalidToken)?;
    let code = OneTimeCode::parse(code, DIGITS).ok_or(FinishTotpEnrolmentRefusal::InvalidOtp)?;
    let step = step_of(app, &enrolment, code.expose(), app.clock.now())?
        .ok_or(FinishTotpEnrolmentRefusal::InvalidOtp)?;

    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::SecondFactorEnabled).await?;
    let NewCodes { shown, digests } = generate(user_id);
    // not earlier than the time of the change, so that undoing the change finds the rows that are written here
    let now = Timestamp(app.clock.now());
    let (claim, version) = (viewer.claim(), enrolment.credentials_version);
    let enrolled = app
        .db
        .write(async move |txn| {
            let locked = claim.lock(&txn, now).await?;
            let Some((user, session)) = locked.filter(|(user, _)| user.credentials_version == version) else {
                return Ok(None);
            };
            let undo_until = Timestamp(now.0 + UNDO_TTL);
            totp::remove(&txn, user_id, now, undo_until).await?;
            if !totp::enable(&txn, id, user_id, step, now).await? {
                txn.undo();
                return Ok(None);
            }
            totp::delete_enrolments(&txn, user_id).await?;
            recovery_code::remove_all(&txn, user_id, now, undo_until).await?;
            recovery_code::insert_many(&txn, user_id, digests, now).await?;
            change.insert(&txn, &user, &[]).await?;
            complete(&txn, session, AuthenticationMethod::Totp, now).await
        })
        .await?;
    outbox::wake(app);
    let (user, ended) = enrolled.ok_or(FinishTotpEnrolmentRefusal::InvalidToken)?;
    Ok(SecondFactorsEnabled { user, recovery_codes: shown, ended })
}
