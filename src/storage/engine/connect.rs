//! Opens the database.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement,
    sqlx::{
        self, ConnectOptions as _, Connection as _,
        postgres::{PgConnectOptions, PgConnection},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time;
use tracing::log::LevelFilter;
use url::Url;

use super::{
    db::{Db, Writer},
    limits::{
        LOCK_TIME_LIMIT, MIGRATION_LOCK_TIME_LIMIT, REFRESH_STATEMENTS, SLOW_STATEMENT, SQLITE_READERS,
        STATEMENT_TIME_LIMIT,
    },
    pool::{Options, Pool},
    postgres::{
        broken_tls::without_tls, connection_settings::ConnectionSettings, refresh_batches::RefreshBatches,
        writer::PostgresWriter,
    },
    reader::Reader,
    sqlite::{data_version::DataVersion, writer::SqliteWriter},
    statement_counts::StatementCounter,
};
use crate::{
    config::{Config, DatabasePooler, DatabaseUrl},
    events::Events,
    secrets::private_file,
    storage::viewer_cache::ViewerCache,
};

/// Opens the database and starts the tasks that write. Events of committed transactions are sent to `events`.
pub async fn connect(config: &Config, events: &Events) -> Result<Db, DbErr> {
    match &config.database.url {
        DatabaseUrl::Postgres(servers) => connect_postgres(config, servers, events.clone()).await,
        DatabaseUrl::Sqlite(path) => connect_sqlite(config, path, events.clone()).await,
    }
}

async fn connect_postgres(config: &Config, servers: &[SecretString], events: Events) -> Result<Db, DbErr> {
    let statements = StatementCounter::default();
    let open = async |settings: ConnectionSettings, size| {
        let servers_options = servers.iter().map(postgres).collect::<Result<_, _>>()?;
        let options = Options::Postgres(servers_options, settings);
        Pool::open(options, size, statements.clone()).await.map_err(|error| unreachable(&error, servers))
    };
    let most = config.database.max_connections;
    let batches = u32::try_from(REFRESH_STATEMENTS).unwrap_or(u32::MAX);
    let batches = if most >= 3 * batches { batches } else { 0 };
    let readers = (most - batches) / 2;
    let (of_writers, of_readers) = match config.database.pooler {
        DatabasePooler::Session => (
            ConnectionSettings::of_writers(STATEMENT_TIME_LIMIT, LOCK_TIME_LIMIT),
            ConnectionSettings::of_readers(STATEMENT_TIME_LIMIT),
        ),
        DatabasePooler::Transaction => (ConnectionSettings::none(), ConnectionSettings::none()),
    };
    let (reader, pool, batch_pool) = tokio::try_join!(
        open(of_readers, readers),
        open(of_writers.clone(), most - batches - readers),
        async { if batches > 0 { open(of_writers, batches).await.map(Some) } else { Ok(None) } },
    )?;
    let citus = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')";
    let found = reader.query_one(Statement::from_string(DbBackend::Postgres, citus)).await?;
    let is_distributed = found.is_some_and(|row| row.try_get_by_index(0) == Ok(true));
    let viewers = match (config.database.viewer_cache_size, config.database.viewer_cache_staleness) {
        (0, _) | (_, Duration::ZERO) => ViewerCache::off(),
        (capacity, max_age) => ViewerCache::bounded(capacity, max_age),
    };
    let writer = PostgresWriter::new(pool, viewers.clone(), events.clone());
    let batches =
        batch_pool.map_or_else(|| writer.clone(), |pool| PostgresWriter::new(pool, viewers.clone(), events));
    let refreshes = RefreshBatches::start(batches, &writer);
    let writer = Writer::Postgres { writer, refreshes, is_distributed };
    Ok(Db { reader: Reader(reader), writer, viewers, statements })
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

/// Opens one connection for migrations. Bypasses a pooler in transaction mode, which would not keep the lock of the
/// migrations. Statements may run for as long as they need, but the time that they wait for a lock is limited.
pub(crate) async fn connect_alone(config: &Config) -> Result<DatabaseConnection, DbErr> {
    // sea-orm logs this URL at trace level; the real one may contain a password, so it is passed as options below
    let mut options = match &config.database.url {
        DatabaseUrl::Postgres(_) => ConnectOptions::new("postgres://localhost"),
        DatabaseUrl::Sqlite(_) => ConnectOptions::new("sqlite://gatehouse.db"),
    };
    options
        .max_connections(1)
        .acquire_timeout(STATEMENT_TIME_LIMIT)
        .connect_timeout(STATEMENT_TIME_LIMIT)
        // sqlx may miscount the idle connections that it closes, and then loop forever looking for them (sqlx issue
        // 3645)
        .idle_timeout(None)
        .max_lifetime(None)
        .set_application_name("gatehouse")
        .sqlx_logging_level(LevelFilter::Debug)
        .sqlx_slow_statements_logging_settings(LevelFilter::Debug, SLOW_STATEMENT)
        .record_stmt_in_spans(false);
    match &config.database.url {
        DatabaseUrl::Postgres(servers) => {
            let direct = config.database.listen_url.as_ref();
            let direct = direct.filter(|_| config.database.pooler == DatabasePooler::Transaction);
            let servers = direct.unwrap_or(servers);
            let mut connected = Err(DbErr::Custom("no server is configured".to_owned()));
            for server in servers {
                connected = migrator(options.clone(), postgres(server)?).await;
                if connected.is_ok() {
                    break;
                }
            }
            connected.map_err(|error| unreachable(&error, servers))
        }
        DatabaseUrl::Sqlite(path) => {
            create_private(path)?;
            let sqlite = sqlite(path);
            options.map_sqlx_sqlite_opts(move |_| sqlite.clone());
            Database::connect(options).await
        }
    }
}

/// Connects to this server. Fails if the server accepts no writes.
async fn migrator(options: ConnectOptions, server: PgConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let connect = async |server: PgConnectOptions| {
        // checked without the pool, which would retry until its time limit and then report only a timeout
        let alone = time::timeout(STATEMENT_TIME_LIMIT, PgConnection::connect_with(&server)).await;
        alone
            .map_err(|_| not_connected(sqlx::Error::PoolTimedOut))?
            .map_err(not_connected)?
            .close()
            .await
            .map_err(not_connected)?;
        let mut options = options.clone();
        options.map_sqlx_postgres_opts(move |_| server.clone());
        Database::connect(options).await
    };
    let connection = match connect(server.clone()).await {
        Err(DbErr::Conn(RuntimeErr::SqlxError(error))) => match without_tls(&server, &error) {
            Some(plain) => connect(plain).await?,
            None => return Err(DbErr::Conn(RuntimeErr::SqlxError(error))),
        },
        connected => connected?,
    };
    let mut leased = connection.get_postgres_connection_pool().acquire().await.map_err(not_connected)?;
    // overrides any limits of the role or the database
    ConnectionSettings::of_migrators(MIGRATION_LOCK_TIME_LIMIT)
        .apply(&mut leased)
        .await
        .map_err(not_connected)?;
    Ok(connection)
}

fn not_connected(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// Adds the addresses of the servers to an error. The result is a [`DbErr::Conn`] only if the database may become
/// available later. A wrong password, for example, is a different error, because waiting does not correct it.
fn unreachable(error: &DbErr, servers: &[SecretString]) -> DbErr {
    let address = |server: &SecretString| {
        let url = Url::parse(server.expose_secret()).ok()?;
        Some(format!("{}, port {}", url.host_str().unwrap_or("the local socket"), url.port().unwrap_or(5432)))
    };
    let addresses: Vec<_> = servers.iter().filter_map(address).collect();
    let text = format!("PostgreSQL at {} cannot be used: {}", addresses.join(" or "), reason(error));
    let is_refused = match error {
        DbErr::Conn(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Database(error) => {
                !error.code().is_some_and(|code| ["57P", "53"].iter().any(|class| code.starts_with(class)))
            }
            sqlx::Error::Configuration(_) => true,
            _ => false,
        },
        DbErr::ConnectionAcquire(_) => false,
        _ => true,
    };
    if is_refused { DbErr::Custom(text) } else { DbErr::Conn(RuntimeErr::Internal(text)) }
}

/// Returns why a connection failed, without the prefixes that libraries add.
fn reason(error: &DbErr) -> String {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return error.to_string() };
    match &**error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Protocol(text) => text.clone(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => "it does not respond".to_owned(),
        error => error.to_string(),
    }
}

/// Creates the file if it does not exist. Only its owner can read it, because it contains email addresses and password
/// hashes. SQLite gives its auxiliary files the same permissions.
fn create_private(path: &Path) -> Result<(), DbErr> {
    let file = private_file(path, fs::OpenOptions::new().append(true).create(true));
    file.map(drop).map_err(|error| DbErr::Custom(format!("{}: {error}", path.display())))
}

fn postgres(server: &SecretString) -> Result<PgConnectOptions, DbErr> {
    let options: PgConnectOptions = server.expose_secret().parse().map_err(not_connected)?;
    Ok(options
        .application_name("gatehouse")
        // poolers reject this setting in the start-up message, and it is not needed, because no column is a
        // floating-point number
        .extra_float_digits(None)
        .log_statements(LevelFilter::Debug)
        .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT))
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
        .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT)
}
