//! Signing out one device.

use uuid::Uuid;

use super::Viewer;
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session_end},
};

/// Ends a session of the viewer; `false` if it was over already, or is not the viewer's.
///
/// Like everything that ends sessions it is not rationed: a thief with a session could use the budget up.
///
/// # Errors
/// [`Fault`] alone.
pub async fn revoke_session(app: &App, viewer: &Viewer, id: Uuid) -> Result<bool, Fault> {
    let (user_id, now) = (viewer.user.id, Timestamp(app.clock.now()));
    app.db.write(async move |txn| session_end::end_of(&txn, user_id, id, now).await).await
}
