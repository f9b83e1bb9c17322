//! Finding a user, and the rules for what others may see of a user.

use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    sessions::Viewer,
    storage::user::{self, Role},
};

/// Finds a user by ID. Returns `None` if the viewer may not see them: users see only themselves, and staff see
/// everyone.
pub async fn user(app: &App, viewer: &Viewer, id: Uuid) -> Result<Option<user::Model>, Fault> {
    if viewer.user.id == id {
        return Ok(Some(user::Model::clone(&viewer.user)));
    }
    if viewer.user.role < Role::Staff {
        return Ok(None);
    }
    Ok(user::find(app.db.read(), id).await?)
}

/// Returns whether the viewer may see which second factors a user has. Users see their own, and superusers see
/// everyone's.
#[must_use]
pub fn may_see_second_factors(viewer: &user::Model, of: &user::Model) -> bool {
    viewer.id == of.id || viewer.role == Role::Superuser
}

/// Returns whether the viewer may see the IP addresses and devices of another user's sessions. Staff see those of
/// ordinary users, and superusers see everyone's. Staff must not learn where accounts with the same or more rights are
/// used.
#[must_use]
pub fn may_see_devices(viewer: &user::Model, of: &user::Model) -> bool {
    viewer.role == Role::Superuser || (viewer.role >= Role::Staff && viewer.role > of.role)
}
