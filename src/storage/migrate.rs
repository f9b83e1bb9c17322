//! Brings the tables up to date by applying migrations one at a time, while servers use the tables.
//!
//! Each migration runs in its own transaction or, if it opts out, as a series of repeatable steps. The next
//! run can therefore continue where an interrupted run stopped.

use std::time::Duration;

use migrations::{IMMEDIATE, SchemaManager, Step};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement, TransactionTrait, sqlx,
};

pub use super::migration_history::{Incompatible, Migration, MigrationState};
use super::{
    engine::connect::connect_alone,
    migration_history::{History, install, record, record_compatibility},
};
use crate::{
    config::{Config, DatabaseUrl},
    telemetry::with_causes,
};

/// The advisory lock that a server holds while it migrates a PostgreSQL database: the ASCII bytes of "gatehous".
const LOCK: i64 = 0x6761_7465_686f_7573;

/// The maximum number of attempts at a migration while other transactions hold locks on its tables. Each attempt waits
/// for the locks for up to `MIGRATION_LOCK_TIME_LIMIT`.
const ATTEMPTS: u32 = 30;

/// The pause between two attempts. During the pause, requests that the last attempt held up can proceed.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a server waits before it checks again whether another server has finished migrating.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Why the database could not be migrated or used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// A newer version has migrated the database, and this version may not work with it.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// A migration has failed.
    #[error("migration {name} failed: {error}")]
    Failed {
        /// The name of the migration.
        name: String,
        /// The error that the database returned.
        error: DbErr,
    },
    /// A migration could not get the locks that it needs.
    #[error(
        "migration {name} was tried {attempts} times, but other transactions hold locks on its tables: wait until they end, or end \
         them, and then run `gatehouse migrate` again to continue with this migration ({error})"
    )]
    Locked {
        /// The name of the migration.
        name: String,
        /// The number of attempts.
        attempts: u32,
        /// The error that the database returned.
        error: DbErr,
    },
}

impl MigrateError {
    /// Returns whether a later attempt may succeed: at the moment, the database cannot be reached or accepts no writes.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Database(DbErr::Conn(_)))
    }
}

/// Applies the pending migrations and returns the ones it applied. Several servers may call this at the same time. If a
/// run fails or is interrupted, the next one continues where it stopped.
pub async fn migrate(config: &Config) -> Result<Vec<Migration>, MigrateError> {
    migrate_within(config, ATTEMPTS).await
}

/// Does the same as [`migrate`], but tries a migration at most `attempts` times if other transactions have locked its
/// tables.
pub async fn migrate_within(config: &Config, attempts: u32) -> Result<Vec<Migration>, MigrateError> {
    let connection = connect_alone(config).await?;
    let steps = migrations::all();
    let mut applied = Vec::new();
    loop {
        // in every iteration, because a connection that replaced a broken one does not hold the lock
        lock(&connection).await?;
        let history = History::read(&connection).await?;
        history.check(&steps)?;
        let Some(step) = steps.iter().find(|step| !history.applied.contains(step.name())) else { break };
        if apply(&connection, step, attempts).await? {
            applied.push(Migration { name: step.name().to_owned(), state: MigrationState::Applied });
        }
    }
    connection.close().await?;
    Ok(applied)
}

/// Returns the version of this program's schema, which is the number of its migrations.
#[must_use]
pub fn schema_version() -> usize {
    migrations::all().len()
}

/// Counts the pending migrations. Changes nothing.
///
/// # Errors
/// Fails if the database cannot be reached or has newer migrations that this version does not work with.
pub async fn count_pending(config: &Config) -> Result<usize, MigrateError> {
    let (history, steps) = (history(config).await?, migrations::all());
    history.check(&steps)?;
    Ok(steps.iter().filter(|step| !history.applied.contains(step.name())).count())
}

/// Lists all migrations, in order. Changes nothing.
pub async fn status(config: &Config) -> Result<Vec<Migration>, MigrateError> {
    let (history, steps) = (history(config).await?, migrations::all());
    Ok(history.list(&steps))
}

/// Waits until this connection is the only one that migrates. Does nothing on SQLite, where each migration locks the
/// file.
async fn lock(on: &DatabaseConnection) -> Result<(), DbErr> {
    if on.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let mut has_waited = false;
    loop {
        // polls, because a statement that waited for the lock would hold a snapshot, and the other server's CREATE INDEX
        // CONCURRENTLY would wait for that snapshot
        let sql = format!("SELECT pg_try_advisory_lock({LOCK}) AS is_mine");
        let row = on.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        if row.map(|row| row.try_get("", "is_mine")).transpose()?.unwrap_or(false) {
            return Ok(());
        }
        if !has_waited {
            tracing::info!("another server is migrating the database; waiting until it has finished");
            has_waited = true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Applies a migration. Returns `false` if another server has applied it in the meantime.
async fn apply(on: &DatabaseConnection, step: &Step, attempts: u32) -> Result<bool, MigrateError> {
    let mut attempt = 1;
    loop {
        let error = match try_to_apply(on, step).await {
            Ok(is_mine) => return Ok(is_mine),
            Err(error) => error,
        };
        let name = step.name().to_owned();
        if !is_about_locks(&error) {
            return Err(MigrateError::Failed { name, error });
        }
        if attempt >= attempts {
            return Err(MigrateError::Locked { name, attempts, error });
        }
        tracing::warn!(migration = name, attempt, error = %with_causes(&error), "the migration could not get a lock and will be retried");
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn try_to_apply(on: &DatabaseConnection, step: &Step) -> Result<bool, DbErr> {
    install(on).await?;
    if step.migration.use_transaction() == Some(false) {
        // recorded first, because the migration may be interrupted and an older version started afterwards
        record_compatibility(on, step).await?;
        step.migration.up(&SchemaManager::new(on)).await?;
        return record(on, step).await;
    }
    let txn = on.begin_with_options(IMMEDIATE).await?;
    if !record(&txn, step).await? {
        return Ok(false);
    }
    record_compatibility(&txn, step).await?;
    step.migration.up(&SchemaManager::new(&txn)).await?;
    txn.commit().await?;
    Ok(true)
}

/// Returns whether a statement failed because it waited too long for a lock, or because of a deadlock.
fn is_about_locks(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let sqlx::Error::Database(error) = &**error else { return false };
    let Some(code) = error.code() else { return false };
    // the low byte of SQLite's extended codes is the primary code, and 5 is SQLITE_BUSY
    ["55P03", "40P01"].contains(&&*code) || code.parse().is_ok_and(|code: i32| code & 0xff == 5)
}

/// Reads the history without changing anything.
async fn history(config: &Config) -> Result<History, DbErr> {
    match &config.database.url {
        // opening the file would create it
        DatabaseUrl::Sqlite(path) if !path.exists() => Ok(History::default()),
        _ => {
            let connection = connect_alone(config).await?;
            let history = History::read(&connection).await?;
            connection.close().await?;
            Ok(history)
        }
    }
}
