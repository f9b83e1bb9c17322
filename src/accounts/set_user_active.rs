//! Deactivating and reactivating a user.

use uuid::Uuid;

use super::administration::{AdministrationRefusal, administer};
use crate::{
    app::App,
    fault::Failure,
    sessions::Viewer,
    storage::{user, user_changes::Administration},
};

/// Deactivates or reactivates another user. Deactivation ends all their sessions, including any that are still being
/// opened.
pub async fn set_user_active(
    app: &App,
    by: &Viewer,
    id: Uuid,
    is_active: bool,
) -> Result<user::Model, Failure<AdministrationRefusal>> {
    administer(app, by, id, Administration::IsActive(is_active)).await
}
