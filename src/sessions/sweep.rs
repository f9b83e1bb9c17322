//! Deleting sessions that are long over.

use std::time::Duration;

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session},
};

/// How long a dead session is kept: for whoever looks into what happened to it.
const KEPT: Duration = Duration::from_hours(24);

/// Rows deleted by one statement, so that none holds up other writes.
const BATCH: u64 = 500;

/// Deletes dead sessions, in small batches. Says how many.
///
/// # Errors
/// [`Fault`] alone.
pub async fn sweep(app: &App) -> Result<u64, Fault> {
    let before = Timestamp(app.clock.now() - KEPT);
    let mut deleted = 0;
    loop {
        let batch =
            app.db.write_one(async move |txn| session::delete_dead(&txn, before, BATCH).await).await?;
        deleted += batch;
        if batch < BATCH {
            return Ok(deleted);
        }
    }
}
