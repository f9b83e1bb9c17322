//! The limits of the engine: of time, of what may wait, and of room.

use std::time::Duration;

/// How long the pool may take to hand out a connection, and PostgreSQL to run a statement.
pub(crate) const STATEMENT_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long the closure of a job may take. A closure that takes longer hangs: it is dropped, and its transaction is rolled
/// back.
pub(crate) const CLOSURE_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long a caller waits for a write, from the queue to the commit. After that, the caller gets
/// [`Fault::Unavailable`](crate::fault::Fault::Unavailable), and the write may still be committed.
pub(crate) const WRITE_TIME_LIMIT: Duration = Duration::from_millis(2500);

/// How long a statement of a migration waits for a lock on PostgreSQL. Requests that need the same table wait behind it, and must
/// not reach [`STATEMENT_TIME_LIMIT`].
pub(crate) const MIGRATION_LOCK_TIME_LIMIT: Duration = Duration::from_secs(1);

/// How long a write may go on after its caller has gone away.
pub(crate) const ABANDONED_TIME_LIMIT: Duration = Duration::from_millis(2500);

/// How long a PostgreSQL connection may be unused before it is pinged.
pub(crate) const TRUSTED_IDLE_TIME: Duration = Duration::from_secs(1);

/// Statements that take longer are logged.
pub(crate) const SLOW_STATEMENT: Duration = Duration::from_secs(1);

/// How many writes may be under way, and how many refreshes may wait for a statement. More are refused as
/// [`Fault::Busy`](crate::fault::Fault::Busy).
pub(crate) const QUEUE_LENGTH: usize = 1024;

/// How many jobs SQLite's writer commits together.
pub(crate) const GROUP_SIZE: usize = 256;

/// How long SQLite's writer adds jobs to a group.
pub(crate) const GROUP_TIME: Duration = Duration::from_millis(20);

/// How many statements for refreshes run at once on PostgreSQL: while one is committed, the next is gathered.
pub(crate) const REFRESH_STATEMENTS: usize = 2;

/// How many refreshes share a statement.
pub(crate) const REFRESH_ROWS: usize = 64;

/// How many notifications are kept in memory until they are handled. PostgreSQL keeps the others.
pub(crate) const PENDING_NOTIFICATIONS: usize = 64;

/// How many connections read a SQLite file. Each has a thread of its own: more threads than cores only wait for each other.
pub(crate) const SQLITE_READERS: u32 = 4;

/// How many bytes must be free on the disk of a SQLite file: a group of writes may take as many.
pub(crate) const MIN_FREE_DISK: u64 = 256 * 1024;
