//! Deleting mails that are long settled.

use std::time::Duration;

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, outbox},
};

/// How long a mail is kept after it was asked for: for whoever looks into what became of it.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Rows deleted by one statement, so that none holds up other writes.
const BATCH: u64 = 500;

/// Deletes settled mails, in small batches. Says how many.
///
/// # Errors
/// [`Fault`] alone.
pub async fn sweep(app: &App) -> Result<u64, Fault> {
    let before = Timestamp(app.clock.now() - KEPT);
    let mut deleted = 0;
    loop {
        let batch =
            app.db.write_one(async move |txn| outbox::delete_settled(&txn, before, BATCH).await).await?;
        deleted += batch;
        if batch < BATCH {
            return Ok(deleted);
        }
    }
}
