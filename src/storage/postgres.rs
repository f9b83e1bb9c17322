//! PostgreSQL's connections.
//!
//! sea-orm runs statements on the pool of sqlx, which asks every connection that comes back whether it is still alive: two
//! round trips for each statement. Here one that comes back is believed if what was begun on it has ended, and is asked
//! only after a pause. One on which something was cut off is closed at once, for PostgreSQL holds locks until it hears of it.

use std::{
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
        self, AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, Postgres,
        postgres::PgConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;
use tracing::log::LevelFilter;

use super::{TIME_LIMIT, statements::Statements};

/// What was used so lately is believed to be alive.
const PAUSE: Duration = Duration::from_secs(1);

/// What takes longer is logged.
const SLOW: Duration = Duration::from_secs(1);

/// Connections to be used again, so many at most. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pool: Pool<Manager>,
    statements: Statements,
}

/// A transaction. Dropped before its end, it is rolled back.
#[derive(Debug)]
pub(super) struct Transaction {
    lease: Mutex<Lease>,
    statements: Statements,
}

#[derive(Debug)]
struct Manager(PgConnectOptions);

#[derive(Debug)]
struct Connection {
    postgres: PgConnection,
    /// Whether something was begun that has not ended.
    is_busy: bool,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connection, sqlx::Error> {
        // boxed, or every statement would carry the room that connecting takes
        let postgres = Box::pin(PgConnection::connect_with(&self.0)).await?;
        Ok(Connection { postgres, is_busy: false })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.last_used() > PAUSE {
            connection.postgres.ping().await.map_err(RecycleError::Backend)?;
        }
        Ok(())
    }
}

impl Connections {
    /// At most `most` connections, of which one is opened at once.
    pub(super) async fn open(url: &str, most: u32, statements: Statements) -> Result<Self, DbErr> {
        let options: PgConnectOptions = url.parse().map_err(failed)?;
        let options = options
            .application_name("gatehouse")
            .options([("statement_timeout", TIME_LIMIT.as_millis().to_string())])
            .log_statements(LevelFilter::Debug)
            .log_slow_statements(LevelFilter::Warn, SLOW);
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
        let connections = Self { pool, statements };
        connections.lease().await?;
        Ok(connections)
    }

    pub(super) async fn begin(&self) -> Result<Transaction, DbErr> {
        let mut lease = self.lease().await?;
        // until its end nobody else can use it
        lease.is_busy = true;
        sqlx::raw_sql("BEGIN").execute(&mut lease.postgres).await.map_err(failed)?;
        Ok(Transaction { lease: Mutex::new(lease), statements: self.statements.clone() })
    }

    /// Connections that are open, and those that nobody uses.
    pub(super) fn count(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// Every statement fails from now on.
    pub(super) fn close(&self) {
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
    pub(super) async fn end(self, commands: String) -> Result<(), DbErr> {
        let mut lease = self.lease.into_inner();
        sqlx::raw_sql(AssertSqlSafe(commands)).execute(&mut lease.postgres).await.map_err(failed)?;
        lease.is_busy = false;
        Ok(())
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
        if let Some(connection) = self.0.take()
            && connection.is_busy
        {
            drop(Object::take(connection));
        }
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn query(statement: Statement) -> sqlx::query::Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

/// Whether it is not known what the connection is doing: PostgreSQL itself says what is wrong with a statement and goes on.
fn is_cut_off<T>(result: &Result<T, sqlx::Error>) -> bool {
    !matches!(result, Ok(_) | Err(sqlx::Error::Database(_)))
}

/// Runs a statement, and counts it.
macro_rules! count {
    ($self:ident, $statement:expr) => {{
        let begun = Instant::now();
        let result = $statement.await;
        $self.statements.add(begun.elapsed());
        result
    }};
}

/// Runs a statement on any of the connections.
macro_rules! on_any {
    ($self:ident, |$postgres:ident| $statement:expr) => {{
        let mut lease = $self.lease().await?;
        lease.is_busy = true;
        let $postgres = &mut lease.postgres;
        let result = count!($self, $statement);
        lease.is_busy = is_cut_off(&result);
        result.map_err(failed)
    }};
}

/// Runs a statement on the connection of a transaction.
macro_rules! on_its_own {
    ($self:ident, |$postgres:ident| $statement:expr) => {{
        let mut lease = $self.lease.lock().await;
        let $postgres = &mut lease.postgres;
        count!($self, $statement).map_err(failed)
    }};
}

/// The statements of both.
macro_rules! send_by {
    ($kind:ty, $run:ident) => {
        #[async_trait::async_trait]
        impl ConnectionTrait for $kind {
            fn get_database_backend(&self) -> DbBackend {
                DbBackend::Postgres
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                $run!(self, |postgres| query(statement).execute(postgres)).map(ExecResult::from)
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                $run!(self, |postgres| text.execute(postgres)).map(ExecResult::from)
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                $run!(self, |postgres| query(statement).fetch_optional(postgres))
                    .map(|row| row.map(QueryResult::from))
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                $run!(self, |postgres| query(statement).fetch_all(postgres))
                    .map(|rows| rows.into_iter().map(QueryResult::from).collect())
            }
        }
    };
}

send_by!(Connections, on_any);
send_by!(Transaction, on_its_own);
