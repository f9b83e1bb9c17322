//! Saying what a user may do.

use uuid::Uuid;

use super::administration::{AdministrationError, administer};
use crate::{
    app::App,
    sessions::Viewer,
    storage::{
        user::{self, Role},
        user_changes::Administration,
    },
};

/// Sets the role of another user. It counts from their next request on.
///
/// # Errors
/// Why not.
pub async fn set_user_role(
    app: &App,
    by: &Viewer,
    id: Uuid,
    role: Role,
) -> Result<user::Model, AdministrationError> {
    administer(app, by, id, Administration::Role(role)).await
}
