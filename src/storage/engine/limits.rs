//! The limits of the engine: times, queue lengths and disk space.

use std::time::Duration;

/// The time limit for getting a connection from the pool, and for a statement on PostgreSQL.
pub(crate) const STATEMENT_TIME_LIMIT: Duration = Duration::from_secs(2);

/// The time limit for the closure of a job. A closure that takes longer is considered to hang: it is dropped, and its
/// transaction is rolled back.
pub(crate) const CLOSURE_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long a caller waits for a write, from the queue to the commit. After that the caller gets
/// [`Fault::Unavailable`](crate::fault::Fault::Unavailable), although the write may still be committed.
pub(crate) const WRITE_TIME_LIMIT: Duration = Duration::from_millis(2500);

/// How long a statement on PostgreSQL waits for a lock before it is retried.
pub(crate) const LOCK_TIME_LIMIT: Duration = Duration::from_millis(500);

/// How long a statement of a migration waits for a lock on PostgreSQL. Requests that need the same table wait behind
/// the statement, and they must not reach [`STATEMENT_TIME_LIMIT`].
pub(crate) const MIGRATION_LOCK_TIME_LIMIT: Duration = Duration::from_secs(1);

/// How long a write may continue after its caller has gone away.
pub(crate) const ABANDONED_TIME_LIMIT: Duration = Duration::from_millis(2500);

/// How long a PostgreSQL connection may be idle before it is pinged on its next use.
pub(crate) const TRUSTED_IDLE_TIME: Duration = Duration::from_secs(1);

/// The maximum age of a PostgreSQL connection. Each connection is replaced between three quarters of this age and the full age.
pub(crate) const MAX_CONNECTION_AGE: Duration = Duration::from_mins(30);

/// The duration from which a statement is logged as slow.
pub(crate) const SLOW_STATEMENT: Duration = Duration::from_secs(1);

/// The maximum number of writes in progress and, separately, of refreshes that are waiting for a statement. Any more
/// are rejected with [`Fault::Busy`](crate::fault::Fault::Busy).
pub(crate) const QUEUE_LENGTH: usize = 1024;

/// The maximum number of jobs that SQLite's writer commits together.
pub(crate) const GROUP_SIZE: usize = 256;

/// How long SQLite's writer keeps adding jobs to a group.
pub(crate) const GROUP_TIME: Duration = Duration::from_millis(20);

/// The number of statements that write refreshes on PostgreSQL at the same time. With two, one is filled while the
/// other is committed.
pub(crate) const REFRESH_STATEMENTS: usize = 2;

/// The maximum number of refreshes that share a statement.
pub(crate) const REFRESH_ROWS: usize = 64;

/// How many connections read a SQLite file. Each has its own thread, and more threads than cores only wait for each
/// other.
pub(crate) const SQLITE_READERS: u32 = 4;

/// The number of bytes that must be free on the disk of a SQLite file, because a group of writes may need that many.
pub(crate) const MIN_FREE_DISK: u64 = 256 * 1024;
