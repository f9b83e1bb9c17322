//! Refreshes on PostgreSQL: those that come while others are written are written by one statement.
//!
//! For a row of its own PostgreSQL takes a tenth of a millisecond of processor, most of it to be woken, to begin and to commit;
//! for each further row a third of that. (SQLite's writer commits in groups, whatever is written.)

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use tokio::sync::{
    Mutex,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::{
    Db, QUEUE,
    session::{self, Rotation},
    user,
};
use crate::fault::Fault;

/// Statements under way at once. While one is committed another is gathered.
const STATEMENTS: usize = 2;

/// Rows of one statement.
const MOST: usize = 64;

/// The session after it was refreshed, and its user.
type Rotated = (session::Model, Option<user::Model>);

/// Where refreshes wait. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Rotations(mpsc::Sender<Waiting>);

#[derive(Debug)]
struct Waiting {
    rotation: Rotation,
    answer: oneshot::Sender<Result<Option<Rotated>, Fault>>,
}

impl Rotations {
    /// Writes by [`Db::write_one`] until every clone of this is gone.
    pub(super) fn start(db: &Db) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..STATEMENTS {
            tokio::spawn(run(db.clone(), waiting.clone()));
        }
        Self(queue)
    }

    /// None: there is no such live session, the token was spent, or somebody has locked the row.
    pub(super) async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Fault> {
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
    let rotated = match db.write_one(async move |txn| session::rotate_all(&txn, &rotations).await).await {
        Ok(rotated) => rotated,
        Err(fault) => {
            answers.into_values().for_each(|answer| drop(answer.send(Err(again(&fault)))));
            return;
        }
    };
    for (session, user) in rotated {
        if let Some(answer) = answers.remove(&session.id) {
            let _ = answer.send(Ok(Some((session, user))));
        }
    }
    answers.into_values().for_each(|answer| drop(answer.send(Ok(None))));
}

/// For another who waited for the same.
fn again(fault: &Fault) -> Fault {
    match fault {
        Fault::Busy => Fault::Busy,
        Fault::Unavailable(why) => Fault::Unavailable(why.to_string().into()),
        other => Fault::internal(other.to_string()),
    }
}
