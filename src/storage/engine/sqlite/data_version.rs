//! Whether anybody else has written to the SQLite file.
//!
//! SQLite keeps a number for each connection that changes when another connection commits: `PRAGMA data_version`. A
//! connection that never writes sees every commit by it, the server's own too; the writer's sees all but its own. Together
//! they tell whose commit it was: after each of its own the writer looks at both, and where its own number stands still,
//! nothing that the other has seen by then was anybody else's. Between a commit and that look nobody can tell, and the
//! database is asked.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::storage::engine::pool::Transaction;

/// What tells whether another connection has committed.
pub(crate) const VERSION: &str = "PRAGMA data_version";

/// No version that SQLite tells.
const UNKNOWN: i64 = i64::MIN;

/// A connection that never writes.
#[derive(Debug)]
pub(crate) struct Watch {
    connection: Mutex<Connection>,
    /// Up to where it is known that nobody else has written, or everything was forgotten when they had.
    known: AtomicI64,
    /// Whether the server itself may be about to commit.
    is_writing: AtomicBool,
    /// What the writer's connection told last.
    writers: AtomicI64,
}

impl Watch {
    /// Opens the file, which must exist.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        // it would rather not know than wait
        connection.busy_timeout(Duration::ZERO)?;
        Ok(Self {
            connection: Mutex::new(connection),
            known: AtomicI64::new(UNKNOWN),
            is_writing: AtomicBool::new(false),
            writers: AtomicI64::new(UNKNOWN),
        })
    }

    /// Whether what is kept holds at this moment. Where others have written, `forget` makes it so.
    pub(crate) fn is_current(&self, forget: impl Fn()) -> bool {
        let Ok(version) = self.version() else { return false };
        // it only ever grows
        let is_known = || version <= self.known.load(Ordering::Acquire);
        if is_known() {
            return true;
        }
        // the writer will find out whose commit it was
        if self.is_writing.load(Ordering::Acquire) {
            return false;
        }
        // or just has
        if !is_known() {
            forget();
            self.known.fetch_max(version, Ordering::AcqRel);
        }
        true
    }

    /// From now on a commit may be the server's own.
    pub(crate) fn begin(&self) {
        self.is_writing.store(true, Ordering::Release);
    }

    /// Finds out whether all commits until now were the server's own, whose changes are forgotten already. `written` is what
    /// it wrote, on the writer's connection still, or none where that is lost.
    pub(crate) async fn end(&self, written: Option<&Transaction>, forget: impl Fn()) {
        let seen = self.version().unwrap_or(UNKNOWN);
        let told = match written {
            Some(written) => written.version().await.unwrap_or(UNKNOWN),
            None => UNKNOWN,
        };
        let before = self.writers.swap(told, Ordering::AcqRel);
        if told == UNKNOWN || told != before {
            forget();
        }
        self.known.store(seen, Ordering::Release);
        self.is_writing.store(false, Ordering::Release);
    }

    fn version(&self) -> rusqlite::Result<i64> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.prepare_cached(VERSION)?.query_row([], |row| row.get(0))
    }
}
