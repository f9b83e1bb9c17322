//! Detects writes by other programs to the SQLite file.
//!
//! For each connection, SQLite keeps a number that changes when *another* connection commits: `PRAGMA data_version`.
//! The number of a connection that never writes changes with every commit. The number of the writer's connection
//! changes with every commit except its own. Together, the two numbers show who made a commit. The writer reads both
//! after each of its commits. If its own number has not changed, everything that the other connection has seen so far
//! was committed by this server. Between a commit and this check, the origin of the commit is unknown, so requests read
//! from the database.
//!
//! There are several connections that never write, so that requests on several threads need not wait for each other.

use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::storage::engine::{connection::DATA_VERSION, pool::Transaction};

/// A version that SQLite never returns.
const UNKNOWN: i64 = i64::MIN;

/// The maximum number of connections that never write.
const MAX_OBSERVERS: usize = 4;

/// The state of the detection.
#[derive(Debug)]
pub(crate) struct DataVersion {
    /// At least one, and no more than there are processor cores.
    observers: Vec<Observer>,
    /// Whether the writer may be about to commit.
    is_writing: AtomicBool,
    /// The last version that was read on the writer's connection.
    writers: AtomicI64,
}

/// A connection that never writes.
#[derive(Debug)]
struct Observer {
    connection: Mutex<Connection>,
    /// The latest version, as read on `connection`, for which the cache is known to be current: either no other program
    /// had written, or the cache was cleared afterwards.
    known: AtomicI64,
}

impl DataVersion {
    /// Opens the file, which must exist.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let observers =
            (0..cores.min(MAX_OBSERVERS)).map(|_| Observer::open(path)).collect::<Result<_, _>>()?;
        Ok(Self { observers, is_writing: AtomicBool::new(false), writers: AtomicI64::new(UNKNOWN) })
    }

    /// Returns whether the cache is current. If other programs have written, calls `clear`, which makes it current.
    pub(crate) fn is_current(&self, clear: impl Fn()) -> bool {
        let (observer, connection) = self.free_observer();
        let Ok(version) = read(&connection) else { return false };
        drop(connection);
        // SQLite never lowers the version
        let is_known = || version <= observer.known.load(Ordering::Acquire);
        if is_known() {
            return true;
        }
        // the writer will find out who made the commit
        if self.is_writing.load(Ordering::Acquire) {
            return false;
        }
        // checked again, because the writer may have finished its check between the two loads above
        if !is_known() {
            clear();
            observer.known.fetch_max(version, Ordering::AcqRel);
        }
        true
    }

    /// Records that from now on a commit may be the writer's own.
    pub(crate) fn begin_write(&self) {
        self.is_writing.store(true, Ordering::Release);
    }

    /// Checks whether all commits until now were the writer's own. Their changes have already been removed from the
    /// cache. If another program has committed too, calls `clear`.
    ///
    /// `written` is the writer's transaction after its commit, or `None` if the connection was lost.
    pub(crate) async fn end_write(&self, written: Option<&Transaction>, clear: impl Fn()) {
        // the order matters: if another program commits after this line, its version is newer than `seen`, so the next
        // request notices it
        let seen: Vec<_> =
            self.observers.iter().map(|observer| read(&observer.lock()).unwrap_or(UNKNOWN)).collect();
        let current = match written {
            Some(written) => written.data_version().await.unwrap_or(UNKNOWN),
            None => UNKNOWN,
        };
        let before = self.writers.swap(current, Ordering::AcqRel);
        if current == UNKNOWN || current != before {
            clear();
        }
        for (observer, seen) in self.observers.iter().zip(seen) {
            observer.known.store(seen, Ordering::Release);
        }
        self.is_writing.store(false, Ordering::Release);
    }

    /// Locks an observer that no other thread is using. If other threads are using all of them, waits for the first.
    fn free_observer(&self) -> (&Observer, MutexGuard<'_, Connection>) {
        let free = self.observers.iter().find_map(|observer| {
            observer.connection.try_lock().ok().map(|connection| (observer, connection))
        });
        free.unwrap_or_else(|| (&self.observers[0], self.observers[0].lock()))
    }
}

impl Observer {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        // does not wait, but treats a busy file as changed, because a query is faster than waiting here
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self { connection: Mutex::new(connection), known: AtomicI64::new(UNKNOWN) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(DATA_VERSION)?.query_row([], |row| row.get(0))
}
