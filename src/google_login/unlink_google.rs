//! Taking Google away from one's ways in.

use crate::{
    app::App,
    fault::Fault,
    rate_limit::{self, Action},
    sessions::Viewer,
    storage::{Timestamp, identity, user},
};

/// Why it stays linked.
#[derive(Debug)]
pub enum UnlinkGoogleError {
    /// There is no password: nobody could sign in any more.
    LastSignInMethod,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for UnlinkGoogleError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Unlinks every Google account of the viewer, and makes void the sign-ins by them that are under way. Where there is none,
/// that is no error.
///
/// # Errors
/// Why not.
pub async fn unlink_google(app: &App, viewer: &Viewer) -> Result<user::Model, UnlinkGoogleError> {
    rate_limit::charge(app, Action::Write(viewer.user.id)).await?;
    let (id, now) = (viewer.user.id, Timestamp(app.clock.now()));
    let unlinked = app.db.write(async move |txn| {
        let Some(user) = user::lock(&txn, &[id]).await?.pop() else { return Ok(None) };
        if user.password_hash.is_none() && !identity::list(&txn, &[id]).await?.is_empty() {
            return Ok(None);
        }
        if identity::delete_all(&txn, id, now).await? > 0 {
            user::raise_credentials_version(&txn, id).await?;
        }
        Ok(Some(user))
    });
    unlinked.await?.ok_or(UnlinkGoogleError::LastSignInMethod)
}
