//! The database as the rest of the program sees it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::{
    job::{Job, JobKind},
    limits::{MIN_FREE_DISK, WRITE_TIME_LIMIT},
    pool::Pool,
    postgres::{refresh_batches::RefreshBatches, writer::PostgresWriter},
    reader::Reader,
    sqlite::{data_version::DataVersion, writer::SqliteWriter},
    statement_counts::{StatementCounter, StatementCounts},
    txn::Txn,
};
use crate::{
    events::Event,
    fault::{Failure, Fault},
    metrics::Durations,
    storage::{
        Timestamp, rate_limit,
        session_rotation::{self, Rotated, Rotation},
        viewer_cache::{SessionAndUser, ViewerCache, ViewerCacheCounts},
    },
    telemetry::traces::span,
};

/// The database. Clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) viewers: ViewerCache,
    pub(crate) statements: StatementCounter,
}

/// The writer, and everything else that differs between the two databases.
#[derive(Clone, Debug)]
pub(crate) enum Writer {
    Postgres {
        writer: PostgresWriter,
        refreshes: RefreshBatches,
        /// Whether the database is Citus, which distributes tables.
        is_distributed: bool,
    },
    Sqlite {
        writer: SqliteWriter,
        /// `None` if the viewer cache is off.
        data_version: Option<Arc<DataVersion>>,
        file: PathBuf,
    },
}

/// The current load of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The number of open connections, except the connection of SQLite's writer.
    pub connections: u64,
    /// The number of those connections that are idle.
    pub idle: u64,
    /// The number of writes that are waiting or running.
    pub writes: u64,
}

impl Db {
    /// Returns the connections for statements that change nothing. The database itself rejects any other statement on
    /// them.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// Returns the current state of a session and its user, from memory if the cache is known to be current. Returns
    /// `None` if there is no such session or it belongs to another user.
    pub async fn session_and_user(
        &self,
        session_id: Uuid,
        user_id: Uuid,
    ) -> Result<Option<SessionAndUser>, Fault> {
        let is_current = match &self.writer {
            Writer::Sqlite { data_version: Some(version), .. } => version.is_current(|| self.viewers.clear()),
            // on PostgreSQL the cache itself limits the age of its rows
            Writer::Sqlite { data_version: None, .. } | Writer::Postgres { .. } => true,
        };
        self.viewers.find(&self.reader, session_id, user_id, is_current).await
    }

    /// Removes from the viewer cache the users and sessions that these events from another server are about.
    pub fn forget_viewers(&self, events: &[Event]) {
        self.viewers.forget_events(events);
    }

    /// Sets whether the events of other servers arrive from now on. On PostgreSQL the viewer cache is used only while
    /// these events arrive.
    pub fn set_listening(&self, is_listening: bool) {
        if let Writer::Postgres { .. } = self.writer {
            self.viewers.set_trusted(is_listening);
        }
    }

    /// Returns the number of statements that the database has run, and their total time.
    #[must_use]
    pub fn statements(&self) -> StatementCounts {
        self.statements.counts()
    }

    /// Returns how long statements waited for a connection.
    #[must_use]
    pub fn pool_waits(&self) -> Durations {
        self.statements.waits()
    }

    /// Returns the current load of the database.
    #[must_use]
    pub fn load(&self) -> Load {
        let (mut connections, mut idle) = self.reader.0.count();
        let writes = match &self.writer {
            Writer::Postgres { writer, refreshes, .. } => {
                let batches = Some(refreshes.pool()).filter(|pool| !pool.is(&writer.pool));
                for (open, unused) in [Some(&writer.pool), batches].into_iter().flatten().map(Pool::count) {
                    connections += open;
                    idle += unused;
                }
                writer.count() + refreshes.count()
            }
            Writer::Sqlite { writer, .. } => writer.count(),
        };
        Load { connections: connections as u64, idle: idle as u64, writes: writes as u64 }
    }

    /// Returns how often the viewer cache was used.
    #[must_use]
    pub fn viewer_cache_counts(&self) -> ViewerCacheCounts {
        self.viewers.counts()
    }

    /// Runs `work` in a transaction. If `work` returns `Ok`, everything is durably committed before this method
    /// returns. If it returns an error, nothing is committed. A closure must therefore return `Ok` for an outcome that
    /// must last, such as ending a stolen session.
    ///
    /// `work` must have no effects other than its statements and its return value, and must not use [`Db::write`] or
    /// [`Db::read`]. After a failed statement nothing is committed, whatever `work` returns. Once started, `work` runs
    /// to completion even if the caller goes away.
    ///
    /// PostgreSQL may undo a transaction because of another one (SQLSTATE 40001, 40P01 or 55P03). In that case a copy
    /// of `work` runs again, as long as the caller is still waiting.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many writes are waiting, [`Fault::Unavailable`] if the database failed,
    /// [`Fault::Conflict`] if a unique name was taken, and [`Fault::Internal`] if `work` failed or panicked.
    pub async fn write<T, F, Fut>(&self, work: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(JobKind::Transaction, work).await
    }

    /// Does what [`Db::write`] does, but on PostgreSQL returns before the transaction is on disk. If PostgreSQL's
    /// machine crashes, what was committed in this way in the last 0.6 seconds (three times `wal_writer_delay`) is
    /// lost. This method is therefore not for anything that must last.
    pub async fn write_forgettable<T, F, Fut>(&self, work: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(JobKind::Forgettable, work).await
    }

    /// Does what [`Db::write`] does, but for exactly one statement. This avoids a savepoint on SQLite, and BEGIN and
    /// COMMIT on PostgreSQL.
    pub async fn write_one<T, F, Fut>(&self, statement: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(JobKind::Statement, statement).await
    }

    /// Returns whether one statement can write several tables. On Citus it cannot, because the rows may be in different
    /// shards.
    #[must_use]
    pub fn can_write_several_tables(&self) -> bool {
        !matches!(self.writer, Writer::Postgres { is_distributed: true, .. })
    }

    /// Does what [`Db::write_one`] does, but the text of the statement may have several statements on SQLite.
    pub async fn write_text<T, F, Fut>(&self, text: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let kind = match self.writer {
            Writer::Postgres { .. } => JobKind::Statement,
            // if a later statement fails, the earlier ones must be undone
            Writer::Sqlite { .. } => JobKind::Transaction,
        };
        self.submit(kind, text).await
    }

    /// Spends the refresh token of a live session. See [`session_rotation::rotate`].
    pub async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
        let rotated = async {
            if let Writer::Postgres { refreshes, .. } = &self.writer {
                return refreshes.rotate(rotation).await;
            }
            let session =
                self.write_one(async move |txn| session_rotation::rotate(&txn, rotation).await).await?;
            Ok(session.map(|session| (session, None)))
        };
        let in_time = span("database write", tokio::time::timeout(WRITE_TIME_LIMIT, rotated)).await;
        in_time.unwrap_or_else(|late| Err(Fault::Unavailable(late.into())))
    }

    /// Checks that the database can be read and written, and that its disk has free space. Includes a small write,
    /// because a full disk can still be read.
    pub async fn ping(&self, now: Timestamp) -> Result<(), Fault> {
        self.reader.execute_unprepared("SELECT 1").await?;
        self.write_one(async move |txn| rate_limit::write_idle(&txn, now).await).await?;
        match &self.writer {
            Writer::Sqlite { file, .. } => match free_space(file) {
                Some(free) if free < MIN_FREE_DISK => {
                    Err(Fault::Unavailable(format!("the disk is full: {free} bytes").into()))
                }
                _ => Ok(()),
            },
            Writer::Postgres { .. } => Ok(()),
        }
    }

    async fn submit<T, F, Fut>(&self, kind: JobKind, work: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let job = Job::new(kind, work);
        let written = async {
            match &self.writer {
                Writer::Postgres { writer, .. } => writer.submit(job).await,
                Writer::Sqlite { writer, .. } => writer.submit(job).await,
            }
        };
        span("database write", written).await
    }
}

/// Returns the number of bytes by which a file can grow. Returns `None` if the operating system does not report this.
fn free_space(file: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(file).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    return None;
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Unavailable(error.into())
    }
}

impl<R> From<DbErr> for Failure<R> {
    fn from(error: DbErr) -> Self {
        Self::Fault(error.into())
    }
}
