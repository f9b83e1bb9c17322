//! The database's connections.
//!
//! sea-orm runs statements on the pool of sqlx, which asks every connection that comes back whether it is still alive: two
//! round trips for each statement. Here one that comes back is believed if what was begun on it has ended, and PostgreSQL's is
//! asked only after a pause. One on which something was cut off is closed: PostgreSQL's at once, since locks are held until it
//! hears of that.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult},
};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sqlx::{
        self, AssertSqlSafe, Connection as _, IntoArguments, PgConnection, SqliteConnection,
        postgres::PgConnectOptions, query::Query, sqlite::SqliteConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::{runtime::Handle, sync::Mutex};

use super::{db::TIME_LIMIT, sqlite::data_version, statement_counts::Statements};

/// What was used so lately is believed to be alive.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections to be used again, so many at most. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: Pool<Manager>,
    backend: DbBackend,
    statements: Statements,
}

/// A transaction. Dropped before its end, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction {
    lease: Mutex<Lease>,
    backend: DbBackend,
    statements: Statements,
}

/// Where to connect to, and how.
pub(crate) enum Options {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

struct Manager(Options);

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // what sqlx shows of its options has the password in it
        f.write_str("Manager(…)")
    }
}

#[derive(Debug)]
struct Connection {
    sqlx: Sqlx,
    /// Whether something was begun that has not ended.
    is_busy: bool,
}

#[derive(Debug)]
enum Sqlx {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connection, sqlx::Error> {
        // boxed, or every statement would carry the room that connecting takes
        let sqlx = match &self.0 {
            Options::Postgres(options) => {
                Sqlx::Postgres(Box::pin(PgConnection::connect_with(options)).await?)
            }
            Options::Sqlite(options) => {
                Sqlx::Sqlite(Box::pin(SqliteConnection::connect_with(options)).await?)
            }
        };
        Ok(Connection { sqlx, is_busy: false })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if let Sqlx::Postgres(postgres) = &mut connection.sqlx
            && metrics.last_used() > PAUSE
        {
            postgres.ping().await.map_err(RecycleError::Backend)?;
        }
        Ok(())
    }
}

/// Does the same with either kind of connection.
macro_rules! with {
    ($lease:ident, |$connection:ident| $statement:expr) => {
        match &mut $lease.sqlx {
            Sqlx::Postgres($connection) => $statement,
            Sqlx::Sqlite($connection) => $statement,
        }
    };
}

impl Connections {
    /// At most `most` connections, of which one is opened at once.
    pub(crate) async fn open(options: Options, most: u32, statements: Statements) -> Result<Self, DbErr> {
        let backend = match &options {
            Options::Postgres(_) => DbBackend::Postgres,
            Options::Sqlite(_) => DbBackend::Sqlite,
        };
        let pool = Pool::builder(Manager(options))
            .max_size(usize::try_from(most).unwrap_or(usize::MAX))
            // the last one first would double what the slowest requests wait while hashes are computed
            .queue_mode(QueueMode::Fifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(TIME_LIMIT))
            .create_timeout(Some(TIME_LIMIT))
            .recycle_timeout(Some(TIME_LIMIT))
            .build()
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let connections = Self { pool, backend, statements };
        connections.lease().await?;
        Ok(connections)
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let mut lease = self.lease().await?;
        // until its end nobody else can use it
        lease.is_busy = true;
        let begin = match self.backend {
            // one that reads and then writes would fail at once where another writes, whatever the busy time-out
            DbBackend::Sqlite => "BEGIN IMMEDIATE",
            _ => "BEGIN",
        };
        with!(lease, |sqlx| sqlx::raw_sql(begin).execute(sqlx).await.map(drop)).map_err(failed)?;
        let statements = self.statements.clone();
        Ok(Transaction { lease: Mutex::new(lease), backend: self.backend, statements })
    }

    /// Connections that are open, and those that nobody uses.
    pub(crate) fn count(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// Every statement fails from now on.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    async fn lease(&self) -> Result<Lease, DbErr> {
        let taken = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })?;
        Ok(Lease(Some(taken)))
    }
}

impl Transaction {
    /// Sends commands of which the last is COMMIT or ROLLBACK. After one that failed the others are not run.
    pub(crate) async fn end(&self, commands: String) -> Result<(), DbErr> {
        let mut lease = self.lease.lock().await;
        let commands = sqlx::raw_sql(AssertSqlSafe(commands));
        with!(lease, |sqlx| commands.execute(sqlx).await.map(drop)).map_err(failed)?;
        lease.is_busy = false;
        Ok(())
    }

    /// What SQLite's connection knows of the commits of others; see [`data_version`].
    pub(crate) async fn version(&self) -> Option<i64> {
        match &mut self.lease.lock().await.sqlx {
            Sqlx::Sqlite(sqlite) => sqlx::query_scalar(data_version::VERSION).fetch_one(sqlite).await.ok(),
            Sqlx::Postgres(_) => None,
        }
    }
}

/// A connection in use. It goes back to the others only if it is not busy.
#[derive(Debug)]
struct Lease(Option<Object<Manager>>);

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_mut().expect("it is there until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take().filter(|connection| connection.is_busy) else { return };
        // SQLite goes on to the statement's end. Until then its place stays taken, or ever more threads would ask a disk that
        // hangs
        if let (Sqlx::Sqlite(_), Ok(runtime)) = (&connection.sqlx, Handle::try_current()) {
            runtime.spawn(async move {
                if let Sqlx::Sqlite(sqlite) = &mut connection.sqlx {
                    let _ = sqlite.ping().await;
                }
                drop(Object::take(connection));
            });
        } else {
            drop(Object::take(connection));
        }
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn query<DB: sqlx::Database>(statement: Statement) -> Query<'static, DB, SqlxValues>
where
    SqlxValues: IntoArguments<DB>,
{
    let values = statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

/// Whether it is not known what the connection is doing: a database that says what is wrong with a statement goes on.
fn is_cut_off<T>(result: &Result<T, sqlx::Error>) -> bool {
    !matches!(result, Ok(_) | Err(sqlx::Error::Database(_)))
}

/// Runs a statement, and counts it.
macro_rules! count {
    ($self:ident, $statement:expr) => {{
        let begun = Instant::now();
        let result = $statement;
        $self.statements.add(begun.elapsed());
        result
    }};
}

/// Runs a statement on any of the connections.
macro_rules! on_any {
    ($self:ident, |$connection:ident| $statement:expr) => {{
        let mut lease = $self.lease().await?;
        lease.is_busy = true;
        let result = count!($self, with!(lease, |$connection| $statement));
        lease.is_busy = is_cut_off(&result);
        result.map_err(failed)
    }};
}

/// Runs a statement on the connection of a transaction.
macro_rules! on_its_own {
    ($self:ident, |$connection:ident| $statement:expr) => {{
        let mut lease = $self.lease.lock().await;
        count!($self, with!(lease, |$connection| $statement)).map_err(failed)
    }};
}

/// The statements of both.
macro_rules! send_by {
    ($kind:ty, $run:ident) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $kind {
            fn get_database_backend(&self) -> DbBackend {
                self.backend
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                $run!(self, |sqlx| query(statement).execute(sqlx).await.map(ExecResult::from))
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                $run!(self, |sqlx| text.execute(sqlx).await.map(ExecResult::from))
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                $run!(self, |sqlx| {
                    let row = query(statement).fetch_optional(sqlx).await;
                    row.map(|row| row.map(QueryResult::from))
                })
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                $run!(self, |sqlx| {
                    let rows = query(statement).fetch_all(sqlx).await;
                    rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
                })
            }
        }
    };
}

send_by!(Connections, on_any);
send_by!(Transaction, on_its_own);
