//! The background task that deletes rows that are no longer needed.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use sea_orm::DbErr;

use crate::{
    app::App,
    fault::Fault,
    second_factors,
    storage::{
        Timestamp, Txn, authorization_request, challenge, known_address, outbox, passkey, passkey_ceremony,
        rate_limit, recovery_code, second_factor_challenge, security_change, session_end, sweep, totp,
    },
    telemetry::with_causes,
};

/// The interval between sweeps.
const EVERY: Duration = Duration::from_mins(10);

/// How long an ended session is kept, so that operators can investigate it.
const SESSIONS_KEPT: Duration = Duration::from_hours(24);

/// How long an address stays known after the last sign-in from it.
const ADDRESSES_KEPT: Duration = Duration::from_hours(180 * 24);

/// How long a sent or failed email is kept after it was requested, so that operators can investigate it.
const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);

/// The maximum number of rows that one statement deletes, so that no statement holds up other writes.
const BATCH: u64 = 500;

/// How much the clock's advance from one sweep to the next may differ from the time that really passed. A larger
/// difference means that the clock was changed, so rows that seem to have expired long ago may still be needed.
const STEP: time::Duration = time::Duration::minutes(5);

/// Sweeps at intervals and never returns.
pub async fn run(app: &App) {
    let (mut looked, mut time_of_day) = (Instant::now(), app.clock.now());
    let mut distrusted_until = looked;
    loop {
        let passed = looked.elapsed();
        (looked, time_of_day) = match (Instant::now(), app.clock.now()) {
            (now, then) if (then - time_of_day - passed).abs() > STEP => {
                tracing::warn!("the clock was changed; expired rows will not be deleted for a day");
                distrusted_until = now + SESSIONS_KEPT;
                (now, then)
            }
            both => both,
        };
        reseal(app).await;
        if looked >= distrusted_until {
            match sweep(app).await {
                Ok(deleted) => {
                    app.metrics.last_sweep.store(app.clock.now().unix_timestamp(), Ordering::Relaxed);
                    tracing::debug!(deleted, "expired rows were deleted");
                }
                Err(error) => {
                    tracing::warn!(error = %with_causes(&error), "housekeeping failed and will try again");
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Encrypts stored secrets under the current `SECRET_KEY`, so that former keys can be dropped.
async fn reseal(app: &App) {
    match second_factors::reseal(app).await {
        Ok(others) => app
            .metrics
            .secrets_under_other_keys
            .store(others.try_into().unwrap_or(i64::MAX), Ordering::Relaxed),
        Err(error) => {
            tracing::warn!(error = %with_causes(&error), "stored secrets could not be encrypted under SECRET_KEY");
        }
    }
}

/// Deletes, in small batches, ended sessions, known addresses that are no longer used, budgets that are full again, and
/// sent and failed emails. Also deletes challenges, unfinished sign-ins with a provider, passkey ceremonies, security
/// changes and removed second factors that have expired. Does nothing while another server is sweeping. Returns the
/// number of deleted rows.
pub async fn sweep(app: &App) -> Result<u64, Fault> {
    let now = app.clock.now();
    let dead = Timestamp(now - SESSIONS_KEPT);
    // before deleting, so that the deleting batches do not read sessions whose expiry has moved to a later day
    in_batches(app, move |txn| async move { session_end::postpone(&txn, dead, BATCH).await }).await?;
    let sessions =
        in_batches(app, move |txn| async move { session_end::delete_dead(&txn, dead, BATCH).await }).await?;
    let unused = Timestamp(now - ADDRESSES_KEPT);
    let addresses =
        in_batches(app, move |txn| async move { known_address::delete_unused(&txn, unused, BATCH).await })
            .await?;
    let idle = Timestamp(now);
    in_batches(app, move |txn| async move { rate_limit::postpone(&txn, idle, BATCH).await }).await?;
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
    let second_factor_challenges =
        in_batches(
            app,
            move |txn| async move { second_factor_challenge::delete_dead(&txn, dead, BATCH).await },
        )
        .await?;
    let authenticators =
        in_batches(app, move |txn| async move { totp::delete_expired(&txn, past, BATCH).await }).await?;
    let codes =
        in_batches(app, move |txn| async move { recovery_code::delete_expired(&txn, past, BATCH).await })
            .await?;
    let passkeys =
        in_batches(app, move |txn| async move { passkey::delete_expired(&txn, past, BATCH).await }).await?;
    let ceremonies =
        in_batches(app, move |txn| async move { passkey_ceremony::delete_expired(&txn, past, BATCH).await })
            .await?;
    let factors = second_factor_challenges + authenticators + codes + passkeys + ceremonies;
    Ok(changes + requests + challenges + sessions + addresses + budgets + mails + factors)
}

/// Runs a statement repeatedly until it has no more rows to change, or until another server is sweeping. Returns the
/// number of changed rows.
async fn in_batches<F, Fut>(app: &App, statement: F) -> Result<u64, Fault>
where
    F: Fn(Txn) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = Result<u64, DbErr>> + Send + 'static,
{
    let mut changed = 0;
    loop {
        let batch = app
            .db
            .write(move |txn| async move {
                if sweep::try_lock(&txn).await? { statement(txn).await } else { Ok(0) }
            })
            .await?;
        changed += batch;
        if batch < BATCH {
            return Ok(changed);
        }
    }
}
