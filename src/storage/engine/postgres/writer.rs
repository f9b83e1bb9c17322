//! Writes on PostgreSQL. Each is a transaction on a connection of its own.

use std::sync::Arc;

use futures_util::FutureExt;
use sea_orm::DbErr;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::finish_on_drop::FinishOnDrop;
use crate::{
    events::Events,
    fault::Fault,
    storage::{
        engine::{
            job::{self, Answer, Fate, Job, JobKind},
            limits::QUEUE_LENGTH,
            pool::Pool,
            txn::Handle,
        },
        viewer_cache::ViewerCache,
    },
};

/// The writer of a PostgreSQL database. Clones share its connections and its limit.
#[derive(Clone, Debug)]
pub(crate) struct PostgresWriter {
    pub(crate) pool: Pool,
    /// One permit for each write that may be in progress.
    permits: Arc<Semaphore>,
    viewers: ViewerCache,
    events: Events,
}

impl PostgresWriter {
    pub(crate) fn new(pool: Pool, viewers: ViewerCache, events: Events) -> Self {
        Self { pool, permits: Arc::new(Semaphore::new(QUEUE_LENGTH)), viewers, events }
    }

    /// Runs a job and waits for its answer. Once started, the job continues even if the caller goes away.
    pub(crate) async fn submit<T>(&self, (job, answer): (Job, Answer<T>)) -> Result<T, Fault> {
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| Fault::Busy)?;
        let writing = FinishOnDrop::new(self.clone().run(job, permit));
        job::in_time(writing.then(|()| answer)).await
    }

    /// Returns the number of writes that wait or run.
    pub(crate) fn count(&self) -> usize {
        QUEUE_LENGTH - self.permits.available_permits()
    }

    async fn run(self, job: Job, _permit: OwnedSemaphorePermit) {
        let Self { pool, viewers, events, .. } = self;
        if job.kind == JobKind::Statement {
            return job.run(Handle::Pool(pool)).await.answer(Ok(()), &viewers, &events);
        }
        let begin = match job.kind {
            // in one message, so that it costs no round trip
            JobKind::Forgettable => "BEGIN; SET LOCAL synchronous_commit = off",
            JobKind::Transaction | JobKind::Statement => "BEGIN",
        };
        let transaction = match pool.begin(begin).await {
            Ok(transaction) if job.is_abandoned() => {
                return drop(transaction.end("ROLLBACK".to_owned()).await);
            }
            Ok(transaction) => Arc::new(transaction),
            Err(error) => return tracing::error!(%error, "a transaction could not begin"),
        };
        let finished = job.run(Handle::Transaction(transaction.clone())).await;
        let ended = match (Arc::into_inner(transaction), &finished.fate) {
            (Some(transaction), Fate::Keep) => transaction.end("COMMIT".to_owned()).await,
            (Some(transaction), Fate::Undo | Fate::Doom(_)) => transaction.end("ROLLBACK".to_owned()).await,
            (None, _) => Err(DbErr::Custom(job::HELD.to_owned())),
        };
        finished.answer(ended.map_err(|error| error.to_string()), &viewers, &events);
    }
}
