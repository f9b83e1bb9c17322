//! The database: a way to read, a way to write, and one file for each table.
//!
//! Statements stand in the table files, take any connection, and decide nothing. Use cases decide, and open transactions
//! by [`Db::write`]. On PostgreSQL a write is a transaction, but refreshes share statements; on SQLite all writes go to one
//! writer that commits them in groups, because an fsync costs the same for one as for a hundred.
//!
//! What is looked up by a unique key is asked for with `all`, not `one`: that adds `LIMIT ?`, and SQLite prepares a
//! statement anew each time its bound limit is set, which costs a quarter of all requests.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, DbErr};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
};

use uuid::Uuid;

use super::{
    job::{Fate, Job, Kind},
    pool::Connections,
    postgres::{finish_on_drop::Finishing, notify, refresh_batches::Rotations},
    reader::Reader,
    sqlite::writer,
    statement_counts::{StatementCounts, Statements},
    txn::{Handle, Txn},
};
use crate::{
    events::{Event, Events},
    fault::Fault,
    storage::{
        Timestamp, rate_limit,
        session::{self, Rotated, Rotation},
        viewer_cache::{Kept, KeptCounts, Pair},
    },
};

/// The longest that the database may take: to hand out a connection, or on PostgreSQL to run a statement.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The longest that a write may take, all in all; whoever waits longer is told that it is not known to be kept.
const WRITE_TIME_LIMIT: Duration = Duration::from_millis(2500);

/// The least room on a disk, in bytes: what a group of writes may take.
const ROOM: u64 = 256 * 1024;

/// Writes that may be under way, and refreshes that may wait for a statement; more are refused as [`Fault::Busy`].
pub(crate) const QUEUE: usize = 1024;

/// The database. Clones share it.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) read: Reader,
    pub(crate) writer: Writer,
    /// On PostgreSQL.
    pub(crate) rotations: Option<Rotations>,
    pub(crate) kept: Kept,
    pub(crate) statements: Statements,
    /// SQLite's file.
    pub(crate) file: Option<PathBuf>,
}

/// What the database has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Connections that are open, but for SQLite's writer.
    pub connections: u64,
    /// Those that nobody uses.
    pub idle: u64,
    /// Writes that wait or run.
    pub writes: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Writer {
    Postgres(Postgres),
    Sqlite(mpsc::Sender<Job>),
}

#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    pub(crate) connections: Connections,
    /// For writes that are under way.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) kept: Kept,
    pub(crate) events: Events,
}

impl Db {
    /// For statements that change nothing; the database itself refuses others.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.read
    }

    /// A session and its user as they are at this moment, from memory where that is certain. None: there is no such session,
    /// or it is somebody else's.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_and_user(&self, session_id: Uuid, user_id: Uuid) -> Result<Option<Pair>, Fault> {
        self.kept.find(&self.read, session_id, user_id).await
    }

    /// Forgets whom another server tells of.
    pub fn forget(&self, events: &[Event]) {
        self.kept.forget_told(events);
    }

    /// Whether other servers are heard from now on.
    pub fn hear(&self, is_heard: bool) {
        self.kept.hear(is_heard);
    }

    /// What the database was sent.
    #[must_use]
    pub fn statements(&self) -> StatementCounts {
        self.statements.counts()
    }

    /// What the database has to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        let (mut connections, mut idle) = self.read.0.count();
        let writes = match &self.writer {
            Writer::Postgres(postgres) => {
                let (writing, unused) = postgres.connections.count();
                connections += writing;
                idle += unused;
                QUEUE - postgres.room.available_permits()
            }
            Writer::Sqlite(queue) => QUEUE - queue.capacity(),
        };
        let writes = writes + self.rotations.as_ref().map_or(0, Rotations::waiting);
        Load { connections: connections as u64, idle: idle as u64, writes: writes as u64 }
    }

    /// How often a session and its user were in memory.
    #[must_use]
    pub fn kept(&self) -> KeptCounts {
        self.kept.counts()
    }

    /// Runs `work` in a transaction: `Ok` keeps all of it, durably before this returns; an error keeps none. So an outcome
    /// that must last, like the end of a stolen session, is an `Ok`.
    ///
    /// `work` has no effect but its statements and its value. It never calls [`Db::write`] or [`Db::read`] itself, and
    /// after a failed statement nothing of it is kept, whatever it returns. It goes on to its end if the caller goes away,
    /// unless that was before it began.
    ///
    /// # Errors
    /// [`Fault::Busy`] where too many writes wait, [`Fault::Unavailable`] where the database failed, [`Fault::Conflict`]
    /// where a unique name was taken, [`Fault::Internal`] where `work` failed or panicked.
    pub async fn write<T, F, Fut>(&self, work: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(Kind::Transaction, work).await
    }

    /// [`Db::write`] for exactly one statement: no savepoint on SQLite, no BEGIN and COMMIT on PostgreSQL.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_one<T, F, Fut>(&self, statement: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(Kind::Statement, statement).await
    }

    /// Spends the refresh token of a live session; see [`session::rotate`].
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
        let rotated = async {
            if let Some(rotations) = &self.rotations
                && let Some(rotated) = rotations.rotate(rotation).await?
            {
                return Ok(Some(rotated));
            }
            let session = self.write_one(async move |txn| session::rotate(&txn, rotation).await).await?;
            Ok(session.map(|session| (session, None)))
        };
        let in_time = tokio::time::timeout(WRITE_TIME_LIMIT, rotated).await;
        in_time.unwrap_or_else(|late| Err(Fault::Unavailable(late.into())))
    }

    /// Whether the database answers, by both ways in: by a small write, for a full disk can still be read. And whether there
    /// is room for more than that.
    ///
    /// # Errors
    /// Its fault.
    pub async fn ping(&self, now: Timestamp) -> Result<(), Fault> {
        self.read.execute_unprepared("SELECT 1").await?;
        self.write_one(async move |txn| rate_limit::write_idle(&txn, now).await).await?;
        match self.file.as_deref().and_then(free_space) {
            Some(free) if free < ROOM => {
                Err(Fault::Unavailable(format!("the disk is full: {free} bytes").into()))
            }
            _ => Ok(()),
        }
    }

    async fn submit<T, F, Fut>(&self, kind: Kind, work: F) -> Result<T, Fault>
    where
        F: FnOnce(Txn) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = Job::new(kind, work);
        let answer = match &self.writer {
            Writer::Postgres(postgres) => {
                let place = postgres.room.clone().try_acquire_owned().map_err(|_| Fault::Busy)?;
                let writing = Finishing::new(postgres.clone().write_alone(job, place));
                tokio::time::timeout(WRITE_TIME_LIMIT, writing.then(|()| answer)).await
            }
            Writer::Sqlite(queue) => {
                queue.try_send(job).map_err(|refused| match refused {
                    TrySendError::Full(_) => Fault::Busy,
                    TrySendError::Closed(_) => Fault::internal("the writer is gone"),
                })?;
                tokio::time::timeout(WRITE_TIME_LIMIT, answer).await
            }
        };
        let answer = answer.map_err(|late| Fault::Unavailable(late.into()))?;
        answer.unwrap_or_else(|gone| Err(Fault::Unavailable(gone.into())))
    }
}

/// The bytes that a file can grow by, where the system tells.
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

impl Postgres {
    /// One job, in its place: a transaction, or a statement that is its own.
    async fn write_alone(self, job: Job, _place: OwnedSemaphorePermit) {
        let Self { connections, kept, events, .. } = self;
        if job.kind == Kind::Statement {
            return job.run(Handle::Connections(connections)).await.answer(Ok(()), &kept, &events);
        }
        let txn = match connections.begin().await {
            Ok(txn) if job.is_abandoned() => return drop(txn.end("ROLLBACK".to_owned()).await),
            Ok(txn) => Arc::new(txn),
            Err(error) => return tracing::error!(%error, "a transaction could not begin"),
        };
        let ended = job.run(Handle::Transaction(txn.clone())).await;
        let committed = match (Arc::into_inner(txn), &ended.fate) {
            (Some(txn), Fate::Keep) => notify::commit(txn, &events.notices(&ended.events)).await,
            (Some(txn), Fate::Undo | Fate::Doom(_)) => txn.end("ROLLBACK".to_owned()).await,
            (None, _) => Err(DbErr::Custom(writer::KEPT.to_owned())),
        };
        ended.answer(committed.map_err(|error| error.to_string()), &kept, &events);
    }
}
