//! A pool of connections, and transactions on them.
//!
//! sqlx's own pool pings every connection that is returned, which turns each statement into two round trips. This pool
//! trusts a returned connection if nothing on it is unfinished, and pings a PostgreSQL connection only if it has been
//! idle. It replaces old connections, so that every Gatehouse server follows a change of address or a failover within
//! half an hour. If a statement or transaction on a connection was cut off, the connection is closed. On PostgreSQL the
//! connection is closed immediately, because the database holds the connection's locks until the connection is closed.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicUsize, Ordering},
};

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult},
};
use sea_orm::{
    ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sqlx::{self, postgres::PgConnectOptions, sqlite::SqliteConnectOptions},
};
use tokio::{runtime::Handle, sync::Mutex};

use super::{
    connection::{Connection, Sqlx},
    limits::{STATEMENT_TIME_LIMIT, TRUSTED_IDLE_TIME},
    postgres::connection_settings::ConnectionSettings,
    statement_counts::StatementCounter,
};

/// A pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    connections: managed::Pool<Manager>,
    backend: DbBackend,
}

/// A transaction. If it is dropped before it ends, it is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction {
    lease: Mutex<Lease>,
    backend: DbBackend,
}

/// The address of a database, and how to connect to it.
pub(crate) enum Options {
    /// The servers, one of which accepts writes.
    Postgres(Vec<PgConnectOptions>, ConnectionSettings),
    Sqlite(Box<SqliteConnectOptions>),
}

struct Manager {
    options: Options,
    /// The server to try first: the last one that worked, or the one after the last one that failed.
    first: AtomicUsize,
    statements: StatementCounter,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the `Debug` of sqlx's options shows the password
        f.write_str("Manager(…)")
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connection, sqlx::Error> {
        let sqlx = match &self.options {
            Options::Postgres(servers, settings) => self.connect_to_any(servers, settings).await?,
            Options::Sqlite(options) => Sqlx::connect_sqlite(options).await?,
        };
        Ok(Connection::new(sqlx, self.statements.clone()))
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if matches!(self.options, Options::Sqlite(_)) {
            return Ok(());
        }
        if connection.is_old(metrics.age()) {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > TRUSTED_IDLE_TIME {
            connection.ping().await.map_err(RecycleError::Backend)?;
        }
        Ok(())
    }
}

impl Manager {
    /// Connects to the first of these servers that accepts writes.
    async fn connect_to_any(
        &self,
        servers: &[PgConnectOptions],
        settings: &ConnectionSettings,
    ) -> Result<Sqlx, sqlx::Error> {
        let first = self.first.load(Ordering::Relaxed);
        let mut why = sqlx::Error::PoolTimedOut;
        for at in (first..).take(servers.len()) {
            // if this server hangs, the next attempt begins with another one
            self.first.store(at + 1, Ordering::Relaxed);
            match Sqlx::connect_postgres(&servers[at % servers.len()], settings).await {
                Ok(connection) => {
                    self.first.store(at, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}

impl Pool {
    /// Creates a pool of at most `size` connections, and opens the first one.
    pub(crate) async fn open(
        options: Options,
        size: u32,
        statements: StatementCounter,
    ) -> Result<Self, DbErr> {
        let backend = match &options {
            Options::Postgres(..) => DbBackend::Postgres,
            Options::Sqlite(_) => DbBackend::Sqlite,
        };
        let connections = managed::Pool::builder(Manager { options, first: AtomicUsize::new(0), statements })
            .max_size(usize::try_from(size).unwrap_or(usize::MAX))
            // `Lifo` would double the wait of the slowest requests while password hashes are computed
            .queue_mode(QueueMode::Fifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(STATEMENT_TIME_LIMIT))
            .create_timeout(Some(STATEMENT_TIME_LIMIT))
            .recycle_timeout(Some(STATEMENT_TIME_LIMIT))
            .build()
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        let pool = Self { connections, backend };
        pool.lease().await?;
        Ok(pool)
    }

    /// Begins a transaction with these commands, the first of which must be a form of BEGIN.
    pub(crate) async fn begin(&self, commands: &'static str) -> Result<Transaction, DbErr> {
        let mut lease = self.lease().await?;
        lease.begin_transaction(commands).await?;
        Ok(Transaction { lease: Mutex::new(lease), backend: self.backend })
    }

    /// Returns the number of open connections, and how many of them are idle.
    pub(crate) fn count(&self) -> (usize, usize) {
        let status = self.connections.status();
        (status.size, status.available)
    }

    /// Returns whether this is the same pool as `other`.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.connections.manager(), other.connections.manager())
    }

    /// Closes the pool. Every statement fails from then on.
    pub(crate) fn close(&self) {
        self.connections.close();
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease().await?.execute(statement).await
    }

    pub(crate) async fn execute_text(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease().await?.execute_text(sql).await
    }

    pub(crate) async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease().await?.query_one(statement).await
    }

    pub(crate) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease().await?.query_all(statement).await
    }

    async fn lease(&self) -> Result<Lease, DbErr> {
        let wait = self.connections.manager().statements.begin_wait();
        let taken = self.connections.get().await;
        drop(wait);
        let taken = taken.map_err(|error| match error {
            PoolError::Backend(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })?;
        Ok(Lease(Some(taken)))
    }
}

impl Transaction {
    /// Sends commands, the last of which must be COMMIT or ROLLBACK. If a command fails, those after it do not run.
    pub(crate) async fn end(&self, commands: String) -> Result<(), DbErr> {
        self.lease.lock().await.end_transaction(commands).await
    }

    /// Returns SQLite's `data_version` on the connection of this transaction.
    pub(crate) async fn data_version(&self) -> Option<i64> {
        self.lease.lock().await.data_version().await
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease.lock().await.execute(statement).await
    }

    pub(crate) async fn execute_text(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease.lock().await.execute_text(sql).await
    }

    pub(crate) async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease.lock().await.query_one(statement).await
    }

    pub(crate) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease.lock().await.query_all(statement).await
    }
}

/// A connection in use. It is returned to the pool only if nothing on it is unfinished.
#[derive(Debug)]
struct Lease(Option<Object<Manager>>);

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.as_ref().expect("a lease holds its connection until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_mut().expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take().filter(|connection| connection.is_spent()) else {
            return;
        };
        // the idle connections lead to the same server, and each would make one request fail
        if connection.is_misrouted()
            && let Some(pool) = Object::pool(&connection)
        {
            pool.retain(|_, _| false);
        }
        // SQLite's thread finishes a statement even if nobody waits for it. The connection keeps its place in the pool
        // until the statement has finished, because otherwise each request would add a thread while the disk hangs.
        if let (Sqlx::Sqlite(_), Ok(runtime)) = (&connection.sqlx, Handle::try_current()) {
            runtime.spawn(async move {
                let _ = connection.ping().await;
                drop(Object::take(connection));
            });
        } else {
            drop(Object::take(connection));
        }
    }
}
