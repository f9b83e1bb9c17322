//! Signing out of all sessions.

use uuid::Uuid;

use super::viewer::Viewer;
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session_end, user_changes},
};

/// Ends every session of the viewer, including any that are just being opened. Returns the IDs of the ended sessions.
pub async fn logout_all(app: &App, viewer: &Viewer) -> Result<Vec<Uuid>, Fault> {
    let user_id = viewer.user.id;
    let now = Timestamp(app.clock.now());
    app.db
        .write(async move |txn| {
            user_changes::raise_credentials_version(&txn, user_id).await?;
            session_end::end_all(&txn, user_id, now).await
        })
        .await
}
