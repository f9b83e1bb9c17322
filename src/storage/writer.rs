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

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::mpsc;

use super::{
    job::{Ended, Fate, Job, Kind},
    kept::Kept,
    statements::Statements,
    txn::Handle,
};
use crate::events::Events;

pub(super) const KEPT: &str = "a closure kept its transaction";

/// A group is closed after this many closures, or after this long.
const MOST: usize = 256;
const LONGEST: Duration = Duration::from_millis(20);

/// Deferred transactions that read and then write fail at once when another writes, whatever the busy time-out.
pub(super) const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// Runs until every sender is gone. `options` describe a pool of exactly one connection.
pub(super) async fn run(
    (options, statements): (ConnectOptions, Statements),
    first: DatabaseConnection,
    mut jobs: mpsc::Receiver<Job>,
    kept: Kept,
    events: Events,
) {
    let mut connection = Some(first);
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
        let writer = match &connection {
            Some(writer) => writer,
            None => match Database::connect(options.clone()).await {
                Ok(fresh) => connection.insert(statements.of(fresh)),
                Err(error) => {
                    tracing::error!(%error, "the writer could not connect");
                    waiting.clear();
                    continue;
                }
            },
        };
        let watch = kept.watch();
        if let Some((watch, _)) = &watch {
            watch.begin();
        }
        let mut group = Group::default();
        let committed = group.run(writer, &mut waiting).await.map_err(|error| error.to_string());
        if let Err(error) = &committed {
            tracing::error!(
                error,
                writes = group.ended.len(),
                "a group of writes failed; none of it was kept"
            );
            if let Some(broken) = connection.take() {
                let _ = tokio::time::timeout(Duration::from_secs(1), broken.close()).await;
            }
        }
        for ended in group.ended {
            ended.answer(committed.clone(), &kept, &events);
        }
        if let Some((watch, forget)) = watch {
            watch.end(connection.as_ref(), forget).await;
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
    async fn run(&mut self, writer: &DatabaseConnection, waiting: &mut VecDeque<Job>) -> Result<(), DbErr> {
        let begun = Instant::now();
        let txn = match writer.begin_with_options(IMMEDIATE).await {
            Ok(txn) => Arc::new(txn),
            Err(error) => {
                waiting.clear();
                return Err(error);
            }
        };
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
            let ended = job.run(Handle::Sqlite(txn.clone())).await;
            let fate = ended.fate.clone();
            self.ended.push(ended);
            match fate {
                Fate::Doom(why) => return Err(DbErr::Custom(why)),
                Fate::Undo if guarded => {
                    txn.execute_unprepared("ROLLBACK TO job").await?;
                }
                Fate::Undo if alone => return own(txn)?.rollback().await,
                Fate::Undo | Fate::Keep => {}
            }
        }
        own(txn)?.commit().await
    }

    /// One command for two: releases the savepoint of the closure before, if there is one, and sets the next.
    async fn set_savepoint(&mut self, txn: &DatabaseTransaction) -> Result<(), DbErr> {
        let command = if self.savepoint { "RELEASE job; SAVEPOINT job" } else { "SAVEPOINT job" };
        txn.execute_unprepared(command).await?;
        self.savepoint = true;
        Ok(())
    }
}

fn own(txn: Arc<DatabaseTransaction>) -> Result<DatabaseTransaction, DbErr> {
    Arc::into_inner(txn).ok_or_else(|| DbErr::Custom(KEPT.to_owned()))
}
