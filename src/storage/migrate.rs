//! Migrations, which bring the tables up to date.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::engine::connect::connect_alone;
use crate::config::{Config, DatabaseUrl};

/// The advisory lock that a server holds while it migrates a PostgreSQL database: the ASCII bytes of "gatehous".
const LOCK: i64 = 0x6761_7465_686f_7573;

/// The transaction of the migrations. On SQLite a deferred transaction, which reads before it writes, would fail at
/// once if another one writes.
const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// A migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The name, which begins with a date.
    pub name: String,
    /// Whether it has been applied.
    pub is_applied: bool,
}

/// Applies the pending migrations and returns them. They run in one transaction and behind a lock, so that several
/// servers can start at the same time.
///
/// # Errors
/// Fails if the database cannot be reached, contains a migration that this version does not know, or rejects one. In
/// that case no migration is applied.
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

/// Counts the pending migrations. Changes nothing.
pub async fn count_pending(config: &Config) -> Result<usize, DbErr> {
    Ok(status(config).await?.iter().filter(|migration| !migration.is_applied).count())
}

/// Lists all migrations, in order. Changes nothing.
///
/// # Errors
/// Fails if the database cannot be reached or contains a migration that this version does not know.
pub async fn status(config: &Config) -> Result<Vec<Migration>, DbErr> {
    let all = Migrator::get_migration_files();
    let pending = match &config.database.url {
        // opening the file would create it
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
