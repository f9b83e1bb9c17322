//! Opening the database.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc};
use tracing::log::LevelFilter;
use url::Url;

use super::{
    Db, Postgres, QUEUE, Reader, TIME_LIMIT, Writer, kept::Kept, postgres::Connections, reader::Source,
    statements::Statements, watch::Watch, writer,
};
use crate::{
    config::{Config, DatabaseUrl},
    events::Events,
    secrets::private_file,
};

/// Readers of SQLite. Each has a thread of its own; more than cores would only wait for each other.
const SQLITE_READERS: u32 = 4;

/// Opens the database, and on SQLite starts its writer. What it commits it tells to `events`.
///
/// # Errors
/// If it cannot be reached or opened.
pub async fn connect(config: &Config, events: &Events) -> Result<Db, DbErr> {
    let (events, statements) = (events.clone(), Statements::default());
    match &config.database {
        DatabaseUrl::Postgres(url) => {
            let opened =
                Connections::open(url.expose_secret(), config.database_max_connections, statements.clone())
                    .await;
            let connections = opened.map_err(|error| unreachable(error, url))?;
            let room = Arc::new(Semaphore::new(QUEUE));
            let (most, staleness) = (config.viewer_cache_size, config.viewer_cache_staleness);
            let is_kept = most > 0 && !staleness.is_zero();
            let kept = if is_kept { Kept::believing(most, staleness) } else { Kept::nothing() };
            let read = Reader(Source::Postgres(connections.clone()));
            let writer = Writer::Postgres(Postgres { connections, room, kept: kept.clone(), events });
            Ok(Db { read, writer, kept, statements, file: None })
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            let writing = sqlite(path, 1, false);
            let first = Database::connect(writing.clone()).await?;
            let read = statements.of(Database::connect(sqlite(path, SQLITE_READERS, true)).await?);
            let (queue, jobs) = mpsc::channel(QUEUE);
            let kept = match config.viewer_cache_size {
                0 => Kept::nothing(),
                most => {
                    let watch = Watch::open(path).map_err(|error| DbErr::Custom(error.to_string()))?;
                    Kept::watching(most, watch)
                }
            };
            let first = statements.of(first);
            let connect = (writing, statements.clone());
            tokio::spawn(writer::run(connect, first, jobs, kept.clone(), events));
            let (read, writer) = (Reader(Source::Sqlite(read)), Writer::Sqlite(queue));
            Ok(Db { read, writer, kept, statements, file: Some(path.clone()) })
        }
    }
}

/// One connection that may do anything and take its time, for migrations.
pub(super) async fn connect_alone(config: &Config) -> Result<DatabaseConnection, DbErr> {
    match &config.database {
        DatabaseUrl::Postgres(url) => {
            let connection = Database::connect(options(url.expose_secret(), 1)).await;
            connection.map_err(|error| unreachable(error, url))
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            Database::connect(sqlite(path, 1, false)).await
        }
    }
}

/// A pool tries again until its time is up, and then knows only that: this says where it tried.
fn unreachable(error: DbErr, url: &SecretString) -> DbErr {
    let Ok(url) = Url::parse(url.expose_secret()) else { return error };
    let (host, port) = (url.host_str().unwrap_or("the local socket"), url.port().unwrap_or(5432));
    DbErr::Custom(format!("PostgreSQL at {host}, port {port}, cannot be used: {error}"))
}

/// Makes the file where there is none: it holds addresses and password hashes. What SQLite puts beside it gets the same
/// rights.
fn create_private(path: &Path) -> Result<(), DbErr> {
    let file = private_file(path, fs::OpenOptions::new().append(true).create(true));
    file.map(drop).map_err(|error| DbErr::Custom(format!("{}: {error}", path.display())))
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(TIME_LIMIT)
        .connect_timeout(TIME_LIMIT)
        // whoever closes idle connections may miscount them, and then looks for them for ever (sqlx issue 3645)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire_if_idle_for(Duration::from_secs(1))
        .set_application_name("gatehouse")
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, Duration::from_secs(1))
        .record_stmt_in_spans(false);
    options
}

fn sqlite(path: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = options("sqlite://gatehouse.db", connections);
    let path = path.to_owned();
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(TIME_LIMIT);
        if read_only { sqlite.pragma("query_only", "ON") } else { sqlite }
    });
    options
}
