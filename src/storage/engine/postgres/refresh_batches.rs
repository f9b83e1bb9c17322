//! Refreshes on PostgreSQL: those that come while others are written are written by one statement.
//!
//! For one row PostgreSQL takes a tenth of a millisecond of processor, most of it to be woken, to begin and to commit; for each
//! further row of the same statement a third of that. Rows that share a statement share its fate: if it fails, all of them ask
//! again. (SQLite's writer commits in groups, whatever is written.)

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use tokio::sync::{
    Mutex,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    fault::Fault,
    storage::{
        engine::db::{Db, QUEUE},
        session::{self, Rotated, Rotation},
    },
};

/// Statements under way at once. While one is committed another is gathered.
const STATEMENTS: usize = 2;

/// Rows of one statement.
const MOST: usize = 64;

/// Where refreshes wait. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rotations(mpsc::Sender<Waiting>);

#[derive(Debug)]
struct Waiting {
    rotation: Rotation,
    answer: oneshot::Sender<Result<Option<Rotated>, Fault>>,
}

impl Rotations {
    /// Writes by [`Db::write_one`] until every clone of this is gone.
    pub(crate) fn start(db: &Db) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..STATEMENTS {
            tokio::spawn(run(db.clone(), waiting.clone()));
        }
        Self(queue)
    }

    /// Those that no statement has taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// None: there is no such live session, the token was spent, or somebody has locked the row.
    pub(crate) async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Waiting { rotation, answer }).map_err(|refused| match refused {
            TrySendError::Full(_) => Fault::Busy,
            TrySendError::Closed(_) => Fault::internal("nobody writes refreshes"),
        })?;
        answered.await.unwrap_or_else(|gone| Err(Fault::Unavailable(gone.into())))
    }
}

async fn run(db: Db, queue: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let mut batch = Vec::with_capacity(MOST);
    while queue.lock().await.recv_many(&mut batch, MOST).await > 0 {
        write(&db, batch.drain(..)).await;
    }
}

async fn write(db: &Db, batch: impl Iterator<Item = Waiting>) {
    let (mut answers, mut rotations) = (HashMap::new(), Vec::new());
    for Waiting { rotation, answer } in batch.filter(|waiting| !waiting.answer.is_closed()) {
        match answers.entry(rotation.id) {
            Entry::Vacant(entry) => {
                entry.insert(answer);
                rotations.push(rotation);
            }
            // of two for one session one comes too late, and finds out by itself
            Entry::Occupied(_) => drop(answer.send(Ok(None))),
        }
    }
    if rotations.is_empty() {
        return;
    }
    let rotated = db.write_one(async move |txn| session::rotate_all(&txn, &rotations).await).await;
    let mut rotated =
        rotated.map(|rows| rows.into_iter().map(|row| (row.0.id, row)).collect::<HashMap<_, _>>());
    for (id, answer) in answers {
        let _ = answer.send(match &mut rotated {
            Ok(rotated) => Ok(rotated.remove(&id)),
            Err(fault) => Err(again(fault)),
        });
    }
}

/// For another who waited for the same.
fn again(fault: &Fault) -> Fault {
    match fault {
        Fault::Busy => Fault::Busy,
        Fault::Unavailable(why) => Fault::Unavailable(why.to_string().into()),
        other => Fault::internal(other.to_string()),
    }
}
