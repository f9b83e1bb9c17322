//! Opens the database.

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
use tracing::log::LevelFilter;
use url::Url;

use super::{
    db::{Db, Writer},
    limits::{MIGRATION_LOCK_TIME_LIMIT, SLOW_STATEMENT, SQLITE_READERS, STATEMENT_TIME_LIMIT},
    pool::{Options, Pool},
    postgres::{
        connection_settings::ConnectionSettings, refresh_batches::RefreshBatches, writer::PostgresWriter,
    },
    reader::Reader,
    sqlite::{data_version::DataVersion, writer::SqliteWriter},
    statement_counts::StatementCounter,
};
use crate::{
    config::{Config, DatabaseUrl},
    events::Events,
    secrets::private_file,
    storage::viewer_cache::ViewerCache,
};

/// Opens the database and starts the tasks that write. The events of committed transactions go to `events`.
pub async fn connect(config: &Config, events: &Events) -> Result<Db, DbErr> {
    match &config.database.url {
        DatabaseUrl::Postgres(url) => connect_postgres(config, url, events.clone()).await,
        DatabaseUrl::Sqlite(path) => connect_sqlite(config, path, events.clone()).await,
    }
}

async fn connect_postgres(config: &Config, url: &SecretString, events: Events) -> Result<Db, DbErr> {
    let statements = StatementCounter::default();
    let open = async |settings: ConnectionSettings, size| {
        let options = Options::Postgres(postgres(url)?.into(), settings);
        Pool::open(options, size, statements.clone()).await.map_err(|error| unreachable(error, url))
    };
    let readers = config.database.max_connections / 2;
    let reader = Reader(open(ConnectionSettings::of_readers(STATEMENT_TIME_LIMIT), readers).await?);
    let writers = config.database.max_connections - readers;
    let pool = open(ConnectionSettings::of_writers(STATEMENT_TIME_LIMIT), writers).await?;
    let viewers = match (config.database.viewer_cache_size, config.database.viewer_cache_staleness) {
        (0, _) | (_, Duration::ZERO) => ViewerCache::off(),
        (capacity, max_age) => ViewerCache::bounded(capacity, max_age),
    };
    let writer = PostgresWriter::new(pool, viewers.clone(), events);
    let refreshes = RefreshBatches::start(&writer);
    Ok(Db { reader, writer: Writer::Postgres { writer, refreshes }, viewers, statements })
}

async fn connect_sqlite(config: &Config, path: &Path, events: Events) -> Result<Db, DbErr> {
    create_private(path)?;
    let statements = StatementCounter::default();
    let open = async |options: SqliteConnectOptions, size| {
        Pool::open(Options::Sqlite(options.into()), size, statements.clone()).await
    };
    let pool = open(sqlite(path), 1).await?;
    let reader = Reader(open(sqlite(path).pragma("query_only", "ON"), SQLITE_READERS).await?);
    let (viewers, data_version) = match config.database.viewer_cache_size {
        0 => (ViewerCache::off(), None),
        capacity => {
            let version = DataVersion::open(path).map_err(|error| DbErr::Custom(error.to_string()))?;
            (ViewerCache::exact(capacity), Some(Arc::new(version)))
        }
    };
    let writer = SqliteWriter::start(pool, viewers.clone(), data_version.clone(), events);
    let writer = Writer::Sqlite { writer, data_version, file: path.to_owned() };
    Ok(Db { reader, writer, viewers, statements })
}

/// Opens one connection for migrations. Its statements may run for as long as they need, but not wait for locks.
pub(crate) async fn connect_alone(config: &Config) -> Result<DatabaseConnection, DbErr> {
    // sea-orm logs this URL at trace level, and the real one may contain a password, so that is passed as options below
    let mut options = match &config.database.url {
        DatabaseUrl::Postgres(_) => ConnectOptions::new("postgres://localhost"),
        DatabaseUrl::Sqlite(_) => ConnectOptions::new("sqlite://gatehouse.db"),
    };
    options
        .max_connections(1)
        .acquire_timeout(STATEMENT_TIME_LIMIT)
        .connect_timeout(STATEMENT_TIME_LIMIT)
        // sqlx may miscount the idle connections it closes, and then loop forever looking for them (sqlx issue 3645)
        .idle_timeout(None)
        .max_lifetime(None)
        .set_application_name("gatehouse")
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, SLOW_STATEMENT)
        .record_stmt_in_spans(false);
    match &config.database.url {
        DatabaseUrl::Postgres(url) => {
            let postgres = postgres(url)?;
            options.map_sqlx_postgres_opts(move |_| postgres.clone());
            let connection = Database::connect(options).await.map_err(|error| unreachable(error, url))?;
            // even if the role or the database has limits of its own
            let lock_timeout = MIGRATION_LOCK_TIME_LIMIT.as_millis();
            let limits = format!("SET statement_timeout = 0; SET lock_timeout = {lock_timeout}");
            connection.execute_unprepared(&limits).await?;
            Ok(connection)
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            let sqlite = sqlite(path);
            options.map_sqlx_sqlite_opts(move |_| sqlite.clone());
            Database::connect(options).await
        }
    }
}

/// Adds the address of the database to an error, because a pool that gives up after its retries reports only a timeout.
fn unreachable(error: DbErr, url: &SecretString) -> DbErr {
    let Ok(url) = Url::parse(url.expose_secret()) else { return error };
    let (host, port) = (url.host_str().unwrap_or("the local socket"), url.port().unwrap_or(5432));
    DbErr::Custom(format!("PostgreSQL at {host}, port {port}, cannot be used: {error}"))
}

/// Creates the file if it does not exist, readable only by its owner because it contains email addresses and password
/// hashes. SQLite gives its auxiliary files the same permissions.
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
        // poolers refuse it in the start-up message, and no column is a floating-point number
        .extra_float_digits(None)
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Warn, SLOW_STATEMENT))
}

fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(STATEMENT_TIME_LIMIT)
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Warn, SLOW_STATEMENT)
}
