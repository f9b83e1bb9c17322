//! Saying whether a user may sign in.

use uuid::Uuid;

use super::administration::{AdministrationRefusal, administer};
use crate::{
    app::App,
    fault::Failure,
    sessions::Viewer,
    storage::{user, user_changes::Administration},
};

/// Deactivates another user, which ends all their sessions, those that are being opened included; or lets them in again.
///
/// # Errors
/// Why not.
pub async fn set_user_active(
    app: &App,
    by: &Viewer,
    id: Uuid,
    is_active: bool,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    administer(app, by, id, Administration::IsActive(is_active)).await
}
