//! Bringing the tables up to date.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::engine::connect::connect_alone;
use crate::config::{Config, DatabaseUrl};

/// "gatehouse" as a number: whoever holds this lock on PostgreSQL migrates.
const LOCK: i64 = 0x6761_7465_686f_7573;

/// On SQLite, deferred transactions that read and then write fail at once when another writes.
const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// A migration by name, and whether it has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, which begins with its date.
    pub name: String,
    /// Whether the database has it.
    pub is_applied: bool,
}

/// Applies what is pending, in one transaction and behind a lock, so that several servers may start together.
///
/// # Errors
/// If the database cannot be reached, knows a migration that this version does not, or refuses one; then none is kept.
pub async fn migrate(config: &Config) -> Result<Vec<Migration>, DbErr> {
    let connection = connect_alone(config).await?;
    let txn = connection.begin_with_options(IMMEDIATE).await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    let pending = Migrator::get_pending_migrations(&txn).await?;
    Migrator::up(&txn, None).await?;
    txn.commit().await?;
    connection.close().await?;
    Ok(pending
        .iter()
        .map(|migration| Migration { name: migration.name().to_owned(), is_applied: true })
        .collect())
}

/// How many migrations the database lacks. Changes nothing.
///
/// # Errors
/// As [`status`].
pub async fn count_pending(config: &Config) -> Result<usize, DbErr> {
    Ok(status(config).await?.iter().filter(|migration| !migration.is_applied).count())
}

/// Every migration, in order. Changes nothing.
///
/// # Errors
/// If the database cannot be reached, or knows a migration that this version does not.
pub async fn status(config: &Config) -> Result<Vec<Migration>, DbErr> {
    let all = Migrator::get_migration_files();
    let pending = match &config.database {
        // opening it would make it
        DatabaseUrl::Sqlite(path) if !path.exists() => Migrator::get_migration_files(),
        _ => {
            let connection = connect_alone(config).await?;
            let pending = Migrator::get_pending_migrations_read_only(&connection).await?;
            connection.close().await?;
            pending
        }
    };
    let is_applied = |name: &str| pending.iter().all(|migration| migration.name() != name);
    Ok(all
        .iter()
        .map(|file| Migration { name: file.name().to_owned(), is_applied: is_applied(file.name()) })
        .collect())
}
