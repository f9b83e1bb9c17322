//! Writes on PostgreSQL. Each write is a transaction on its own connection.

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
            job::{self, Answer, Fate, FinishedJob, Job, JobKind},
            ledger::is_rivalry,
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
    /// Permits that limit the number of writes in progress.
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

    /// Returns the number of writes that are waiting or running.
    pub(crate) fn count(&self) -> usize {
        QUEUE_LENGTH - self.permits.available_permits()
    }

    /// Runs a job until it is committed or fails for a reason other than a rival transaction. A job that PostgreSQL
    /// rolled back because of a rival transaction is retried immediately, because the rival has either committed or
    /// will itself fail (Ports and Grittner, 2012, "safe retry").
    async fn run(self, mut job: Job, _permit: OwnedSemaphorePermit) {
        loop {
            let Some((finished, ended)) = self.run_once(&mut job).await else { return };
            let has_rival = finished.has_rival || ended.as_ref().is_err_and(is_rivalry);
            if !has_rival || job.kind == JobKind::Batch || job.is_abandoned() {
                let ended = ended.map_err(|error| error.to_string());
                return finished.answer(ended, &self.viewers, &self.events);
            }
            tracing::debug!("retrying a write that conflicted with another one");
        }
    }

    /// Runs a job once, and returns how its transaction ended. Returns `None` if the transaction could not begin, or if
    /// the caller went away before it began.
    async fn run_once(&self, job: &mut Job) -> Option<(FinishedJob, Result<(), DbErr>)> {
        if job.kind.is_one_statement() {
            return Some((job.run(Handle::Pool(self.pool.clone())).await, Ok(())));
        }
        let begin = match job.kind {
            // in one message, so that SET LOCAL costs no round trip
            JobKind::Forgettable => "BEGIN; SET LOCAL synchronous_commit = off",
            JobKind::Transaction | JobKind::Statement | JobKind::Batch => "BEGIN",
        };
        let transaction = match self.pool.begin(begin).await {
            Ok(transaction) if job.is_abandoned() => {
                drop(transaction.end("ROLLBACK".to_owned()).await);
                return None;
            }
            Ok(transaction) => Arc::new(transaction),
            Err(error) => {
                job.refuse(error.into());
                return None;
            }
        };
        let finished = job.run(Handle::Transaction(transaction.clone())).await;
        let ended = match (Arc::into_inner(transaction), &finished.fate) {
            (Some(transaction), Fate::Keep) => transaction.end("COMMIT".to_owned()).await,
            (Some(transaction), Fate::Undo | Fate::Doom(_)) => transaction.end("ROLLBACK".to_owned()).await,
            (None, _) => Err(DbErr::Custom(job::HELD.to_owned())),
        };
        Some((finished, ended))
    }
}
