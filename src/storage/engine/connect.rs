//! Opening the database.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{
        self, ConnectOptions as _,
        postgres::PgConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, mpsc};
use tracing::log::LevelFilter;
use url::Url;

use super::{
    db::{Db, Postgres, QUEUE, TIME_LIMIT, Writer},
    pool::{Connections, Options},
    postgres::refresh_batches::Rotations,
    reader::Reader,
    sqlite::{data_version::Watch, writer},
    statement_counts::Statements,
};
use crate::{
    config::{Config, DatabaseUrl},
    events::Events,
    secrets::private_file,
    storage::viewer_cache::Kept,
};

/// Readers of SQLite. Each has a thread of its own; more than cores would only wait for each other.
const SQLITE_READERS: u32 = 4;

/// How PostgreSQL serves those that read. What they send finds few rows by an index, whatever its values are.
const POSTGRES_READERS: [(&str, &str); 4] = [
    ("default_transaction_read_only", "on"),
    // planned once: at a million users, to plan a filtered page anew takes longer than to read it
    ("plan_cache_mode", "force_generic_plan"),
    // such a plan expects far more rows than come, and would start processes and a compiler for them
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// What takes longer is logged.
const SLOW: Duration = Duration::from_secs(1);

/// Opens the database, and on SQLite starts its writer. What it commits it tells to `events`.
///
/// # Errors
/// If it cannot be reached or opened.
pub async fn connect(config: &Config, events: &Events) -> Result<Db, DbErr> {
    let (events, statements) = (events.clone(), Statements::default());
    match &config.database {
        DatabaseUrl::Postgres(url) => {
            let open = async |options: PgConnectOptions, most| {
                let options = options.options([("statement_timeout", TIME_LIMIT.as_millis().to_string())]);
                let opened = Connections::open(Options::Postgres(options.into()), most, statements.clone());
                opened.await.map_err(|error| unreachable(error, url))
            };
            let readers = config.database_max_connections / 2;
            let read = Reader(open(postgres(url)?.options(POSTGRES_READERS), readers).await?);
            let connections = open(postgres(url)?, config.database_max_connections - readers).await?;
            let room = Arc::new(Semaphore::new(QUEUE));
            let (most, staleness) = (config.viewer_cache_size, config.viewer_cache_staleness);
            let is_kept = most > 0 && !staleness.is_zero();
            let kept = if is_kept { Kept::believing(most, staleness) } else { Kept::nothing() };
            let writer = Writer::Postgres(Postgres { connections, room, kept: kept.clone(), events });
            let db = Db { read, writer, rotations: None, kept, statements, file: None };
            let rotations = Some(Rotations::start(&db));
            Ok(Db { rotations, ..db })
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            let open = async |options: SqliteConnectOptions, most| {
                Connections::open(Options::Sqlite(options.into()), most, statements.clone()).await
            };
            let writing = open(sqlite(path), 1).await?;
            let read = Reader(open(sqlite(path).pragma("query_only", "ON"), SQLITE_READERS).await?);
            let (queue, jobs) = mpsc::channel(QUEUE);
            let kept = match config.viewer_cache_size {
                0 => Kept::nothing(),
                most => {
                    let watch = Watch::open(path).map_err(|error| DbErr::Custom(error.to_string()))?;
                    Kept::watching(most, watch)
                }
            };
            tokio::spawn(writer::run(writing, jobs, kept.clone(), events));
            let (writer, file) = (Writer::Sqlite(queue), Some(path.clone()));
            Ok(Db { read, writer, rotations: None, kept, statements, file })
        }
    }
}

/// One connection that may do anything and take its time, for migrations.
pub(crate) async fn connect_alone(config: &Config) -> Result<DatabaseConnection, DbErr> {
    // sea-orm logs the URL it is given, at the level of traces; the real one, which may hold a password, goes round it
    let mut options = match &config.database {
        DatabaseUrl::Postgres(_) => ConnectOptions::new("postgres://localhost"),
        DatabaseUrl::Sqlite(_) => ConnectOptions::new("sqlite://gatehouse.db"),
    };
    options
        .max_connections(1)
        .acquire_timeout(TIME_LIMIT)
        .connect_timeout(TIME_LIMIT)
        // whoever closes idle connections may miscount them, and then looks for them for ever (sqlx issue 3645)
        .idle_timeout(None)
        .max_lifetime(None)
        .set_application_name("gatehouse")
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, SLOW)
        .record_stmt_in_spans(false);
    match &config.database {
        DatabaseUrl::Postgres(url) => {
            let postgres = postgres(url)?;
            options.map_sqlx_postgres_opts(move |_| postgres.clone());
            Database::connect(options).await.map_err(|error| unreachable(error, url))
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            let sqlite = sqlite(path);
            options.map_sqlx_sqlite_opts(move |_| sqlite.clone());
            Database::connect(options).await
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

fn postgres(url: &SecretString) -> Result<PgConnectOptions, DbErr> {
    let options: Result<PgConnectOptions, sqlx::Error> = url.expose_secret().parse();
    let options =
        options.map_err(|error| unreachable(DbErr::Conn(RuntimeErr::SqlxError(error.into())), url))?;
    Ok(options
        .application_name("gatehouse")
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Warn, SLOW))
}

fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(TIME_LIMIT)
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Warn, SLOW)
}
