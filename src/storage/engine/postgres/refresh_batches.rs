//! Batches of refreshes on PostgreSQL. Refreshes that arrive while others are being written share one statement.
//!
//! For one row, PostgreSQL takes a tenth of a millisecond of processor time, most of it to wake up, begin and commit.
//! Each further row of the same statement takes a third of that. If a statement fails, the refreshes of all its rows
//! fail, but if it met a locked row or another rival, they are repeated one by one. (SQLite's writer commits in groups, so it needs no batches.)

use std::{
    collections::{HashMap, hash_map::Entry},
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
    /// Sends the batches, on connections of their own if there are enough, so that no batch waits behind people who sign in.
    batches: PostgresWriter,
}

#[derive(Debug)]
struct Waiting {
    rotation: Rotation,
    answer: oneshot::Sender<Result<Option<Rotated>, Fault>>,
}

impl RefreshBatches {
    /// Starts the tasks that write `batches`. They end when every clone of this is dropped. Refreshes that a batch could not make
    /// are made by `writer`.
    pub(crate) fn start(batches: PostgresWriter, writer: &PostgresWriter) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..REFRESH_STATEMENTS {
            tokio::spawn(run(batches.clone(), writer.clone(), waiting.clone()));
        }
        Self { queue, batches }
    }

    /// Returns the number of refreshes that wait for a statement.
    pub(crate) fn count(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns the connections that send the batches.
    pub(crate) fn pool(&self) -> &Pool {
        &self.batches.pool
    }

    /// Spends a refresh token. Returns `None` if there is no such live session or the token was spent.
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
    let (mut answers, mut rotations) = (HashMap::new(), Vec::new());
    for Waiting { rotation, answer } in batch.filter(|waiting| !waiting.answer.is_closed()) {
        match answers.entry(rotation.id) {
            Entry::Vacant(entry) => {
                entry.insert(answer);
                rotations.push(rotation);
            }
            // of two refreshes of one session, only the first takes part: the second gets the same answer as
            // any refresh that lost the race
            Entry::Occupied(_) => drop(answer.send(Ok(None))),
        }
    }
    if rotations.is_empty() {
        return;
    }
    rotations.sort_unstable_by_key(|rotation| rotation.id);
    let batch = rotations.clone();
    let job = Job::new(JobKind::Batch, async move |txn| session_rotation::rotate_all(&txn, &batch).await);
    let rotated = batches.submit(job).await;
    if let Err(Fault::Conflict(_)) = rotated {
        for rotation in rotations {
            let Some(answer) = answers.remove(&rotation.id) else { continue };
            let writer = writer.clone();
            // not awaited, because the next batch must not wait for a locked row
            tokio::spawn(async move { answer.send(alone(&writer, rotation).await) });
        }
        return;
    }
    let mut rows_by_id =
        rotated.map(|rows| rows.into_iter().map(|row| (row.0.id, row)).collect::<HashMap<_, _>>());
    for (id, answer) in answers {
        let _ = answer.send(match &mut rows_by_id {
            Ok(rows) => Ok(rows.remove(&id)),
            Err(fault) => Err(copy(fault)),
        });
    }
}

/// Refreshes one session.
async fn alone(writer: &PostgresWriter, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
    let job = Job::new(JobKind::Statement, async move |txn| session_rotation::rotate(&txn, rotation).await);
    Ok(writer.submit(job).await?.map(|session| (session, None)))
}

/// Copies the fault of a statement for another of its callers.
fn copy(fault: &Fault) -> Fault {
    match fault {
        Fault::Busy => Fault::Busy,
        Fault::Unavailable(why) => Fault::Unavailable(why.to_string().into()),
        other => Fault::internal(other.to_string()),
    }
}
