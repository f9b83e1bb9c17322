//! One user, and what others may see of one.

use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    sessions::Viewer,
    storage::user::{self, Role},
};

/// A user by id, as far as the viewer may see them: users see themselves, staff sees everybody.
///
/// # Errors
/// [`Fault`] alone.
pub async fn user(app: &App, viewer: &Viewer, id: Uuid) -> Result<Option<user::Model>, Fault> {
    if viewer.user.id == id {
        return Ok(Some(user::Model::clone(&viewer.user)));
    }
    if viewer.user.role < Role::Staff {
        return Ok(None);
    }
    Ok(user::find(app.db.read(), id).await?)
}

/// Whether the viewer may see where another user signs in from, and with what: staff sees it of users, superusers of everybody.
/// A member of staff must not learn from where the accounts are used that may do as much as theirs, or more.
#[must_use]
pub fn may_see_devices(viewer: &user::Model, of: &user::Model) -> bool {
    viewer.role == Role::Superuser || (viewer.role >= Role::Staff && viewer.role > of.role)
}
