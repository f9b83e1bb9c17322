//! The one task that tidies up while the server runs.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use sea_orm::DbErr;

use crate::{
    app::App,
    fault::Fault,
    storage::{
        Timestamp, Txn, authorization_request, challenge, known_address, outbox, rate_limit, security_change,
        session_end,
    },
};

/// How often it looks.
const EVERY: Duration = Duration::from_mins(10);

/// How long a dead session is kept: for whoever looks into what happened to it.
const SESSIONS_KEPT: Duration = Duration::from_hours(24);

/// How long an address is remembered from which nobody has signed in again.
const ADDRESSES_KEPT: Duration = Duration::from_hours(180 * 24);

/// How long a mail that is settled is kept after it was asked for: for whoever looks into what became of it.
const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);

/// Rows deleted by one statement, so that none holds up other writes.
const BATCH: u64 = 500;

/// How far the time of day may go ahead of the time that has passed. More is a step: what seems long over may not be.
const STEP: time::Duration = time::Duration::minutes(5);

/// Runs for ever.
pub async fn run(app: &App) {
    let (mut looked, mut time_of_day) = (Instant::now(), app.clock.now());
    let mut distrusted_until = looked;
    loop {
        let passed = looked.elapsed();
        (looked, time_of_day) = match (Instant::now(), app.clock.now()) {
            (now, then) if (then - time_of_day - passed).abs() > STEP => {
                tracing::warn!("the clock was moved; nothing is deleted for a day");
                distrusted_until = now + SESSIONS_KEPT;
                (now, then)
            }
            both => both,
        };
        if looked >= distrusted_until {
            match sweep(app).await {
                Ok(0) => {}
                Ok(deleted) => tracing::debug!(deleted, "what is long over was deleted"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn Error, "housekeeping failed; it tries again");
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes what is long over, in small batches: dead sessions, addresses that are no longer used, budgets that are whole
/// again, mails that are settled, challenges and Google sign-ins that nobody awaits. Says how many rows.
///
/// # Errors
/// [`Fault`] alone.
pub async fn sweep(app: &App) -> Result<u64, Fault> {
    let now = app.clock.now();
    let dead = Timestamp(now - SESSIONS_KEPT);
    let sessions =
        in_batches(app, move |txn| async move { session_end::delete_dead(&txn, dead, BATCH).await }).await?;
    let unused = Timestamp(now - ADDRESSES_KEPT);
    let addresses =
        in_batches(app, move |txn| async move { known_address::delete_unused(&txn, unused, BATCH).await })
            .await?;
    let idle = Timestamp(now);
    let budgets =
        in_batches(app, move |txn| async move { rate_limit::delete_idle(&txn, idle, BATCH).await }).await?;
    let settled = Timestamp(now - MAILS_KEPT);
    let mails =
        in_batches(app, move |txn| async move { outbox::delete_settled(&txn, settled, BATCH).await }).await?;
    let challenges =
        in_batches(app, move |txn| async move { challenge::delete_dead(&txn, dead, BATCH).await }).await?;
    let requests =
        in_batches(
            app,
            move |txn| async move { authorization_request::delete_dead(&txn, dead, BATCH).await },
        )
        .await?;
    let past = Timestamp(now);
    let changes =
        in_batches(app, move |txn| async move { security_change::delete_dead(&txn, past, BATCH).await })
            .await?;
    Ok(changes + requests + challenges + sessions + addresses + budgets + mails)
}

async fn in_batches<F, Fut>(app: &App, delete: F) -> Result<u64, Fault>
where
    F: Fn(Txn) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = Result<u64, DbErr>> + Send + 'static,
{
    let mut deleted = 0;
    loop {
        let batch = app.db.write_one(delete).await?;
        deleted += batch;
        if batch < BATCH {
            return Ok(deleted);
        }
    }
}
