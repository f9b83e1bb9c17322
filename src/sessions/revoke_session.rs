//! Signing out one of the viewer's devices.

use uuid::Uuid;

use super::viewer::Viewer;
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session_end},
};

/// Ends one of the viewer's sessions. Returns `false` if it had already ended or belongs to another user.
///
/// Nothing that ends sessions is rate-limited, because a thief with a session could use up the budget.
pub async fn revoke_session(app: &App, viewer: &Viewer, id: Uuid) -> Result<bool, Fault> {
    let (user_id, now) = (viewer.user.id, Timestamp(app.clock.now()));
    app.db.write(async move |txn| session_end::end_of(&txn, user_id, id, now).await).await
}
