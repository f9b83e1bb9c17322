//! SQLite's only writer. Jobs that arrive during a commit are committed together by the next commit.
//!
//! If a closure returns an error, violates a constraint or panics, only that closure is undone, by a rollback to its
//! savepoint. Any other database error, a failed savepoint command or a closure that hangs makes the whole group fail.
//! The reason is that SQLite may roll back the whole transaction by itself, for example on a full disk, and a group
//! that continued would then acknowledge lost writes.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use sea_orm::DbErr;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::data_version::DataVersion;
use crate::{
    events::Events,
    fault::Fault,
    storage::{
        engine::{
            job::{self, Answer, Fate, FinishedJob, Job},
            limits::{GROUP_SIZE, GROUP_TIME, QUEUE_LENGTH},
            pool::{Pool, Transaction},
            txn::Handle,
        },
        viewer_cache::ViewerCache,
    },
    telemetry::{LogLimit, with_causes},
};

static FAILED_LIMIT: LogLimit = LogLimit::new();

/// The command that begins a transaction. A deferred transaction that reads and then writes would fail immediately if
/// another program were writing, regardless of the busy timeout.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The queue of the writer. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SqliteWriter(mpsc::Sender<Job>);

/// The state of the writer's task.
struct Task {
    /// A pool of one connection. The connection is replaced only after a group has failed.
    pool: Pool,
    jobs: mpsc::Receiver<Job>,
    viewers: ViewerCache,
    data_version: Option<Arc<DataVersion>>,
    events: Events,
}

impl SqliteWriter {
    /// Starts the task that writes. It ends when every clone of this queue is dropped. `pool` must not have more than
    /// one connection.
    pub(crate) fn start(
        pool: Pool,
        viewers: ViewerCache,
        data_version: Option<Arc<DataVersion>>,
        events: Events,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(Task { pool, jobs, viewers, data_version, events }.run());
        Self(queue)
    }

    /// Queues a job and waits for its answer. Once started, the job continues even if the caller goes away.
    pub(crate) async fn submit<T>(&self, (job, answer): (Job, Answer<T>)) -> Result<T, Fault> {
        self.0.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Fault::Busy,
            TrySendError::Closed(_) => Fault::internal("the writer is gone"),
        })?;
        job::in_time(answer).await
    }

    /// Returns the number of jobs that are waiting.
    pub(crate) fn count(&self) -> usize {
        QUEUE_LENGTH - self.0.capacity()
    }
}

impl Task {
    async fn run(mut self) {
        let mut waiting = VecDeque::with_capacity(GROUP_SIZE);
        let mut received = Vec::with_capacity(GROUP_SIZE);
        loop {
            // a job that dooms its group is the last one in it, and the jobs behind it come first in the next group
            if waiting.is_empty() && self.jobs.recv_many(&mut received, GROUP_SIZE).await == 0 {
                return;
            }
            waiting.extend(received.drain(..));
            while waiting.len() < GROUP_SIZE
                && let Ok(job) = self.jobs.try_recv()
            {
                waiting.push_back(job);
            }
            self.write(&mut waiting).await;
        }
    }

    /// Writes a group, and answers its callers.
    async fn write(&self, waiting: &mut VecDeque<Job>) {
        if let Some(data_version) = &self.data_version {
            data_version.begin_write();
        }
        let mut group = Group::default();
        let written = group.run(&self.pool, waiting).await;
        if let Err(error) = &written {
            let writes = group.finished.len();
            FAILED_LIMIT.log(|left_out| {
                tracing::error!(error = %with_causes(error), writes, left_out, "a group of writes failed and was rolled back");
            });
        }
        let committed = written.as_ref().map(drop).map_err(ToString::to_string);
        for finished in group.finished {
            finished.answer(committed.clone(), &self.viewers, &self.events);
        }
        if let Some(data_version) = &self.data_version {
            data_version.end_write(written.ok().as_ref(), || self.viewers.clear()).await;
        }
    }
}

/// The jobs of one transaction.
#[derive(Default)]
struct Group {
    finished: Vec<FinishedJob>,
    /// Whether the savepoint of a finished job is still open.
    has_savepoint: bool,
}

impl Group {
    /// Begins a transaction, runs the jobs, each behind a savepoint if it needs one, and commits. If the transaction
    /// cannot begin, every waiting job is refused. If a later step fails, every job that has run fails, and the others
    /// keep waiting.
    async fn run(&mut self, pool: &Pool, waiting: &mut VecDeque<Job>) -> Result<Transaction, DbErr> {
        let begun = Instant::now();
        let transaction = match pool.begin(BEGIN).await {
            Ok(transaction) => Arc::new(transaction),
            Err(error) => {
                for job in waiting.drain(..) {
                    job.refuse(Fault::Unavailable(error.to_string().into()));
                }
                return Err(error);
            }
        };
        let mut end = "COMMIT";
        while self.finished.len() < GROUP_SIZE && begun.elapsed() < GROUP_TIME {
            let Some(mut job) = waiting.pop_front() else { break };
            if job.is_abandoned() {
                continue;
            }
            let is_alone = self.finished.is_empty() && waiting.is_empty();
            let is_guarded = !job.kind.is_one_statement() && !is_alone;
            if is_guarded {
                self.set_savepoint(&transaction).await?;
            }
            let finished = job.run(Handle::Transaction(transaction.clone())).await;
            let fate = finished.fate.clone();
            self.finished.push(finished);
            match fate {
                Fate::Doom(why) => return Err(DbErr::Custom(why)),
                Fate::Undo if is_guarded => {
                    transaction.execute_text("ROLLBACK TO job").await?;
                }
                Fate::Undo if is_alone => {
                    end = "ROLLBACK";
                    break;
                }
                Fate::Undo | Fate::Keep => {}
            }
        }
        let transaction = Arc::into_inner(transaction).ok_or_else(|| DbErr::Custom(job::HELD.to_owned()))?;
        transaction.end(end.to_owned()).await?;
        Ok(transaction)
    }

    /// Sets a savepoint, and in the same command releases the savepoint of the previous job, if there is one.
    async fn set_savepoint(&mut self, transaction: &Transaction) -> Result<(), DbErr> {
        let command = if self.has_savepoint { "RELEASE job; SAVEPOINT job" } else { "SAVEPOINT job" };
        transaction.execute_text(command).await?;
        self.has_savepoint = true;
        Ok(())
    }
}
