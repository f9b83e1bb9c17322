//! Notices when another program has written to the SQLite file.
//!
//! SQLite keeps a number for each connection that changes when *another* connection commits: `PRAGMA data_version`. A
//! connection that never writes sees every commit by it, those of this server too; the writer's connection sees all but its
//! own. Together they tell whose commit it was: after each of its commits the writer reads both numbers, and if its own has
//! not changed, everything that the other connection has seen by then was committed by this server. Between a commit and that
//! reading, nobody can tell, and requests ask the database.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::storage::engine::{connection::DATA_VERSION, pool::Transaction};

/// A version that SQLite never returns.
const UNKNOWN: i64 = i64::MIN;

/// What is known about the commits of other programs.
#[derive(Debug)]
pub(crate) struct DataVersion {
    /// A connection that never writes.
    connection: Mutex<Connection>,
    /// The latest version on that connection up to which nobody else has written, or the cache was cleared after they had.
    known: AtomicI64,
    /// Whether the writer may be about to commit.
    is_writing: AtomicBool,
    /// The last version on the writer's connection.
    writers: AtomicI64,
}

impl DataVersion {
    /// Opens the file, which must exist.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        // a busy file counts as changed: to ask the database is faster than to wait here
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self {
            connection: Mutex::new(connection),
            known: AtomicI64::new(UNKNOWN),
            is_writing: AtomicBool::new(false),
            writers: AtomicI64::new(UNKNOWN),
        })
    }

    /// Returns whether the cache is current. If other programs have written, `clear` makes it so.
    pub(crate) fn is_current(&self, clear: impl Fn()) -> bool {
        let Ok(version) = self.read() else { return false };
        // SQLite only ever raises it
        let is_known = || version <= self.known.load(Ordering::Acquire);
        if is_known() {
            return true;
        }
        // the writer will find out whose commit it was
        if self.is_writing.load(Ordering::Acquire) {
            return false;
        }
        // asked again, because the writer may have found out between the two loads above
        if !is_known() {
            clear();
            self.known.fetch_max(version, Ordering::AcqRel);
        }
        true
    }

    /// Notes that from now on a commit may be the writer's own.
    pub(crate) fn begin_write(&self) {
        self.is_writing.store(true, Ordering::Release);
    }

    /// Finds out whether all commits until now were the writer's own, whose changes the cache has already forgotten.
    ///
    /// `written` is the writer's transaction after its commit, or `None` if its connection is lost.
    pub(crate) async fn end_write(&self, written: Option<&Transaction>, clear: impl Fn()) {
        // in this order: what another program commits after this line is newer than `seen`, so the next request notices it
        let seen = self.read().unwrap_or(UNKNOWN);
        let current = match written {
            Some(written) => written.data_version().await.unwrap_or(UNKNOWN),
            None => UNKNOWN,
        };
        let before = self.writers.swap(current, Ordering::AcqRel);
        if current == UNKNOWN || current != before {
            clear();
        }
        self.known.store(seen, Ordering::Release);
        self.is_writing.store(false, Ordering::Release);
    }

    fn read(&self) -> rusqlite::Result<i64> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.prepare_cached(DATA_VERSION)?.query_row([], |row| row.get(0))
    }
}
