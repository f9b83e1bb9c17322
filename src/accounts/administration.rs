//! What superusers do to others' accounts, and what they cannot do.

use uuid::Uuid;

use crate::{
    app::App,
    fault::{Failure, Refusal},
    rate_limit::{self, Action},
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, challenge, session_end, user, user_changes, user_changes::Administration},
};

/// Why an account stays as it was.
#[derive(Debug)]
pub enum AdministrationRefusal {
    /// There is no such user.
    NotFound,
    /// It is the superuser's own, or they are no superuser any more.
    NotAllowed,
    /// The superuser has not proven recently enough who they are.
    ReauthenticationRequired,
}

impl Refusal for AdministrationRefusal {}

impl From<ReauthenticationRequired> for AdministrationRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Changes another's account, and returns it as it is now. Deactivation ends its sessions, and what was mailed and is awaited.
///
/// There is always a superuser left: it is the one who acts. They cannot act on themselves, and both rows are locked before
/// it is decided whether they still are one; so of two who demote each other at once, the second is none any more.
///
/// # Errors
/// Why not.
pub(super) async fn administer(
    app: &App,
    by: &Viewer,
    id: Uuid,
    change: Administration,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    let by = step_up(app, by)?.user.id;
    if by == id {
        return Err(AdministrationRefusal::NotAllowed.into());
    }
    rate_limit::charge(app, Action::Write(by)).await?;

    let now = Timestamp(app.clock.now());
    let administered = app
        .db
        .write(async move |txn| {
            let locked = user::lock(&txn, &[by, id]).await?;
            if locked.iter().all(|user| user.id != id) {
                return Ok(Err(AdministrationRefusal::NotFound));
            }
            let Some(user) = user_changes::administer(&txn, id, change, by, now).await? else {
                return Ok(Err(AdministrationRefusal::NotAllowed));
            };
            if change == Administration::IsActive(false) {
                user_changes::raise_credentials_version(&txn, id).await?;
                session_end::end_all(&txn, id, now).await?;
                // a link mailed before would still be good after the account is let in again
                challenge::end_all_of(&txn, id, now).await?;
                if let Some(key) = &user.email_key {
                    challenge::end_all(&txn, key, now).await?;
                }
            }
            Ok(Ok(user))
        })
        .await?;
    Ok(administered?)
}
