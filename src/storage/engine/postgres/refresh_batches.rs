//! Batches of refreshes on PostgreSQL. Refreshes that arrive while others are being written share one statement.
//!
//! A statement for one row takes a tenth of a millisecond of PostgreSQL's processor time, most of it to wake up, begin
//! and commit. Each further row takes a third of that time. If a statement fails, the refreshes of all its rows fail.
//! However, if the statement met a locked row or lost to a rival transaction in another way, the refreshes are retried
//! one by one. (SQLite's writer commits in groups, so it needs no batches.)

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tokio::sync::{
    Mutex,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::writer::PostgresWriter;
use crate::{
    fault::Fault,
    storage::{
        engine::{
            job::{Answer, Job, JobKind},
            limits::{QUEUE_LENGTH, REFRESH_ROWS, REFRESH_STATEMENTS},
            pool::Pool,
        },
        session_rotation::{self, Rotated, Rotation},
    },
};

/// The queue of refreshes. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct RefreshBatches {
    queue: mpsc::Sender<Waiting>,
    /// Sends the batches, on separate connections if there are enough, so that no batch waits behind sign-ins.
    batches: PostgresWriter,
}

#[derive(Debug)]
struct Waiting {
    rotation: Rotation,
    answer: oneshot::Sender<Result<Option<Rotated>, Fault>>,
}

impl RefreshBatches {
    /// Starts the tasks that write batches. They end when every clone of this queue is dropped. `writer` performs the
    /// refreshes that a batch could not perform.
    pub(crate) fn start(batches: PostgresWriter, writer: &PostgresWriter) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..REFRESH_STATEMENTS {
            tokio::spawn(run(batches.clone(), writer.clone(), waiting.clone()));
        }
        Self { queue, batches }
    }

    /// Returns the number of refreshes that are waiting for a statement.
    pub(crate) fn count(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns the connections that send the batches.
    pub(crate) fn pool(&self) -> &Pool {
        &self.batches.pool
    }

    /// Spends a refresh token. Returns `None` if there is no such live session or if the token was already spent.
    pub(crate) async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
        let (answer, answered): (_, Answer<_>) = oneshot::channel();
        self.queue.try_send(Waiting { rotation, answer }).map_err(|refused| match refused {
            TrySendError::Full(_) => Fault::Busy,
            TrySendError::Closed(_) => Fault::internal("the writer of refreshes is gone"),
        })?;
        answered.await.unwrap_or_else(|gone| Err(Fault::Unavailable(gone.into())))
    }
}

async fn run(batches: PostgresWriter, writer: PostgresWriter, queue: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let mut batch = Vec::with_capacity(REFRESH_ROWS);
    while queue.lock().await.recv_many(&mut batch, REFRESH_ROWS).await > 0 {
        write(&batches, &writer, batch.drain(..)).await;
    }
}

async fn write(batches: &PostgresWriter, writer: &PostgresWriter, batch: impl Iterator<Item = Waiting>) {
    let mut sessions = HashSet::new();
    // A statement changes a row only once, so if a batch has several refreshes of one session, only the first takes
    // part. The others run after the statement: a refresh that was told too early that its token is spent would read a
    // row that is not changed yet and end the session.
    let (mut batch, mut alone): (Vec<_>, Vec<_>) = batch
        .filter(|waiting| !waiting.answer.is_closed())
        .partition(|waiting| sessions.insert(waiting.rotation.id));
    if batch.is_empty() {
        return;
    }
    batch.sort_unstable_by_key(|waiting| waiting.rotation.id);
    let rotations: Vec<_> = batch.iter().map(|waiting| waiting.rotation).collect();
    let job = Job::new(JobKind::Batch, async move |txn| session_rotation::rotate_all(&txn, &rotations).await);
    match batches.submit(job).await {
        Ok(rows) => {
            let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.0.id, row)).collect();
            for Waiting { rotation, answer } in batch {
                let _ = answer.send(Ok(rows.remove(&rotation.id)));
            }
        }
        Err(Fault::Conflict(_)) => alone.append(&mut batch),
        Err(fault) => {
            for waiting in batch {
                let _ = waiting.answer.send(Err(copy(&fault)));
            }
        }
    }
    for Waiting { rotation, answer } in alone {
        let writer = writer.clone();
        // not awaited, because the next batch must not wait for a locked row
        tokio::spawn(async move { answer.send(refresh_alone(&writer, rotation).await) });
    }
}

/// Refreshes one session.
async fn refresh_alone(writer: &PostgresWriter, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
    let job = Job::new(JobKind::Statement, async move |txn| session_rotation::rotate(&txn, rotation).await);
    Ok(writer.submit(job).await?.map(|session| (session, None)))
}

/// Copies the fault of a statement for each of its callers.
fn copy(fault: &Fault) -> Fault {
    match fault {
        Fault::Busy => Fault::Busy,
        Fault::Unavailable(why) => Fault::Unavailable(why.to_string().into()),
        other => Fault::internal(other.to_string()),
    }
}
