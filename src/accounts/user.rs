//! One user.

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
