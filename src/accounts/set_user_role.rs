//! Changing a user's role.

use uuid::Uuid;

use super::administration::{AdministrationRefusal, administer};
use crate::{
    app::App,
    fault::Failure,
    sessions::Viewer,
    storage::{
        user::{self, Role},
        user_changes::Administration,
    },
};

/// Sets the role of another user. The new role takes effect with the user's next request.
pub async fn set_user_role(
    app: &App,
    by: &Viewer,
    id: Uuid,
    role: Role,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    administer(app, by, id, Administration::Role(role)).await
}
