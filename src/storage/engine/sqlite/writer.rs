//! SQLite's one writer: what queued up during the last commit is committed together.
//!
//! A closure's own error, a violated constraint and a panic undo that closure alone, by its savepoint. Any other database
//! error, a failed savepoint command, or a closure that hangs fails the whole group: on a full disk SQLite rolls the whole
//! transaction back by itself, and a group that went on would acknowledge what is lost.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbErr};
use tokio::sync::mpsc;

use crate::{
    events::Events,
    storage::{
        engine::{
            job::{Ended, Fate, Job, Kind},
            pool::{Connections, Transaction},
            txn::Handle,
        },
        viewer_cache::Kept,
    },
};

pub(crate) const KEPT: &str = "a closure kept its transaction";

/// A group is closed after this many closures, or after this long.
const MOST: usize = 256;
const LONGEST: Duration = Duration::from_millis(20);

/// Runs until every sender is gone. `connections` are one at most; another takes its place only after a group that failed.
pub(crate) async fn run(connections: Connections, mut jobs: mpsc::Receiver<Job>, kept: Kept, events: Events) {
    let mut waiting = VecDeque::with_capacity(MOST);
    let mut received = Vec::with_capacity(MOST);
    loop {
        // what the last group left goes first; then it is no longer alone
        if waiting.is_empty() && jobs.recv_many(&mut received, MOST).await == 0 {
            return;
        }
        waiting.extend(received.drain(..));
        while waiting.len() < MOST
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push_back(job);
        }
        let watch = kept.watch();
        if let Some((watch, _)) = &watch {
            watch.begin();
        }
        let mut group = Group::default();
        let written = group.run(&connections, &mut waiting).await;
        if let Err(error) = &written {
            tracing::error!(%error, writes = group.ended.len(), "a group of writes failed; none of it was kept");
        }
        let committed = written.as_ref().map(drop).map_err(ToString::to_string);
        for ended in group.ended {
            ended.answer(committed.clone(), &kept, &events);
        }
        if let Some((watch, forget)) = watch {
            watch.end(written.ok().as_ref(), forget).await;
        }
    }
}

/// The closures of one transaction, once they have run.
#[derive(Default)]
struct Group {
    ended: Vec<Ended>,
    /// Whether a savepoint stands open behind which nothing is left to undo.
    savepoint: bool,
}

impl Group {
    /// BEGIN, each closure behind a savepoint, COMMIT. An error is an error of all that have run; the others still wait.
    async fn run(
        &mut self,
        connections: &Connections,
        waiting: &mut VecDeque<Job>,
    ) -> Result<Transaction, DbErr> {
        let begun = Instant::now();
        let txn = match connections.begin().await {
            Ok(txn) => Arc::new(txn),
            Err(error) => {
                waiting.clear();
                return Err(error);
            }
        };
        let mut end = "COMMIT";
        while self.ended.len() < MOST && begun.elapsed() < LONGEST {
            let Some(job) = waiting.pop_front() else { break };
            if job.is_abandoned() {
                continue;
            }
            let alone = self.ended.is_empty() && waiting.is_empty();
            let guarded = job.kind == Kind::Transaction && !alone;
            if guarded {
                self.set_savepoint(&txn).await?;
            }
            let ended = job.run(Handle::Transaction(txn.clone())).await;
            let fate = ended.fate.clone();
            self.ended.push(ended);
            match fate {
                Fate::Doom(why) => return Err(DbErr::Custom(why)),
                Fate::Undo if guarded => {
                    txn.execute_unprepared("ROLLBACK TO job").await?;
                }
                Fate::Undo if alone => {
                    end = "ROLLBACK";
                    break;
                }
                Fate::Undo | Fate::Keep => {}
            }
        }
        let txn = Arc::into_inner(txn).ok_or_else(|| DbErr::Custom(KEPT.to_owned()))?;
        txn.end(end.to_owned()).await?;
        Ok(txn)
    }

    /// One command for two: releases the savepoint of the closure before, if there is one, and sets the next.
    async fn set_savepoint(&mut self, txn: &Transaction) -> Result<(), DbErr> {
        let command = if self.savepoint { "RELEASE job; SAVEPOINT job" } else { "SAVEPOINT job" };
        txn.execute_unprepared(command).await?;
        self.savepoint = true;
        Ok(())
    }
}
