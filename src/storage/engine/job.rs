//! A write, from its place in the queue to its outcome. [`engine`](super) has a diagram of the life of a job.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt, future::BoxFuture};
use sea_orm::DbErr;
use tokio::sync::oneshot::{self, error::RecvError};

use super::{
    ledger::{Changes, Failure, Ledger},
    limits::{CLOSURE_TIME_LIMIT, WRITE_TIME_LIMIT},
    txn::{Handle, Txn},
};
use crate::{
    events::{Event, Events},
    fault::Fault,
    storage::viewer_cache::ViewerCache,
};

/// The error for a closure that keeps its transaction after it has returned.
pub(crate) const HELD: &str = "a closure kept its transaction";

/// A closure that waits to be run. If it is dropped before its answer has been sent, its caller gets
/// [`Fault::Unavailable`].
pub(crate) struct Job {
    pub(crate) kind: JobKind,
    /// Runs a copy of the closure, because a transaction that PostgreSQL undid is retried.
    work: Box<dyn FnMut(Txn) -> BoxFuture<'static, Returned> + Send>,
    is_abandoned: Box<dyn Fn() -> bool + Send>,
    refuse: Box<dyn Fn(Fault) + Send>,
}

/// The kind of a job. It decides how many statements the job may have, and whether a transaction is opened around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    /// Any number of statements.
    Transaction,
    /// Any number of statements, which are lost if PostgreSQL crashes within the next second. SQLite keeps them like
    /// any others.
    Forgettable,
    /// One statement, which is a transaction by itself.
    Statement,
    /// One statement for many callers. If it loses to a rival transaction, it is not retried as a whole, because the
    /// rival concerns only some of the callers. Instead, all of them get [`Fault::Conflict`].
    Batch,
}

impl JobKind {
    /// Returns whether the job needs no transaction around it.
    pub(crate) fn is_one_statement(self) -> bool {
        matches!(self, Self::Statement | Self::Batch)
    }
}

/// The outcome of a closure. Its value is held back until the commit.
struct Returned {
    result: Result<(), String>,
    reply: Reply,
}

/// Sends the value of the closure to the caller, or a fault in its place.
type Reply = Box<dyn FnOnce(Option<Fault>) + Send>;

/// The caller's end of a job.
pub(crate) type Answer<T> = oneshot::Receiver<Result<T, Fault>>;

/// A job that has run but is not committed yet.
pub(crate) struct FinishedJob {
    pub(crate) fate: Fate,
    /// Events to publish after the commit.
    pub(crate) events: Vec<Event>,
    /// Changes that the viewer cache must not miss, even if they were not committed, because the outcome of a failed
    /// COMMIT is unknown.
    changes: Changes,
    /// Whether a statement failed only because of a transaction that ran at the same time. See [`Failure::Rival`].
    pub(crate) has_rival: bool,
    fault: Option<Fault>,
    reply: Option<Reply>,
}

/// What happens to the statements of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Commit them.
    Keep,
    /// Undo them, and nothing else.
    Undo,
    /// Undo them and everything that shares their transaction, for this reason.
    Doom(String),
}

impl Job {
    pub(crate) fn new<T, F, Fut>(kind: JobKind, work: F) -> (Self, Answer<T>)
    where
        F: FnOnce(Txn) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let is_abandoned = {
            let sender = sender.clone();
            move || sender.lock().is_ok_and(|sender| sender.as_ref().is_none_or(oneshot::Sender::is_closed))
        };
        let refuse = {
            let sender = sender.clone();
            move |fault| {
                if let Some(sender) = sender.lock().ok().and_then(|mut sender| sender.take()) {
                    let _ = sender.send(Err(fault));
                }
            }
        };
        let work = move |txn: Txn| {
            let (work, sender) = (work.clone(), sender.clone());
            async move {
                // calling the closure may panic too, so the call is inside the guarded future
                let returned = AssertUnwindSafe(async move { work(txn).await }).catch_unwind().await;
                let value = match returned {
                    Ok(result) => result.map_err(|error| error.to_string()),
                    Err(panic) => Err(panic_text(&*panic)),
                };
                let result = value.as_ref().map(drop).map_err(Clone::clone);
                let reply = move |fault: Option<Fault>| {
                    let answer = fault.map_or_else(|| value.map_err(Fault::internal), Err);
                    if let Some(sender) = sender.lock().ok().and_then(|mut sender| sender.take()) {
                        let _ = sender.send(answer);
                    }
                };
                Returned { result, reply: Box::new(reply) }
            }
            .boxed()
        };
        let (work, is_abandoned) = (Box::new(work), Box::new(is_abandoned));
        (Self { kind, work, is_abandoned, refuse: Box::new(refuse) }, answer)
    }

    /// Returns whether the caller no longer waits for the answer.
    pub(crate) fn is_abandoned(&self) -> bool {
        (self.is_abandoned)()
    }

    /// Answers the caller of a job that cannot begin.
    pub(crate) fn refuse(&self, fault: Fault) {
        (self.refuse)(fault);
    }

    /// Runs the closure. May be called again if nothing that the closure did was committed.
    pub(crate) async fn run(&mut self, handle: Handle) -> FinishedJob {
        let max_statements = if self.kind.is_one_statement() { 1 } else { u32::MAX };
        let ledger = Arc::new(Ledger::new(max_statements));
        let txn = Txn { handle, ledger: ledger.clone() };
        let Ok(returned) = tokio::time::timeout(CLOSURE_TIME_LIMIT, (self.work)(txn)).await else {
            let why = "a closure took too long".to_owned();
            return FinishedJob {
                fate: Fate::Doom(why.clone()),
                events: Vec::new(),
                changes: ledger.take_changes(),
                has_rival: false,
                fault: Some(Fault::Unavailable(why.into())),
                reply: None,
            };
        };
        let events = ledger.take_events();
        let (fate, fault) = judge(self.kind, &ledger, returned.result);
        let has_rival = matches!(ledger.failure(), Some(Failure::Rival(_)));
        FinishedJob {
            fate,
            events,
            changes: ledger.take_changes(),
            has_rival,
            fault,
            reply: Some(returned.reply),
        }
    }
}

/// Decides the fate of the statements of a closure that returned this result, and the fault, if any, that the caller
/// gets.
fn judge(kind: JobKind, ledger: &Ledger, result: Result<(), String>) -> (Fate, Option<Fault>) {
    match (result, ledger.failure()) {
        (_, Some(Failure::Rival(why))) if kind == JobKind::Batch => {
            (Fate::Doom(why.clone()), Some(Fault::Conflict(why.into())))
        }
        (_, Some(Failure::Database(why) | Failure::Rival(why))) => {
            (Fate::Doom(why.clone()), Some(Fault::Unavailable(why.into())))
        }
        // a single statement has no savepoint to which it could be rolled back
        (Err(why), None) | (_, Some(Failure::Own(why) | Failure::Conflict(why)))
            if kind.is_one_statement() && ledger.succeeded() > 0 =>
        {
            (Fate::Doom(why.clone()), Some(Fault::internal(why)))
        }
        (_, Some(Failure::Conflict(why))) => (Fate::Undo, Some(Fault::Conflict(why.into()))),
        (_, Some(Failure::Own(why))) | (Err(why), None) => (Fate::Undo, Some(Fault::internal(why))),
        (Ok(()), None) if ledger.is_undone() => (Fate::Undo, None),
        (Ok(()), None) => (Fate::Keep, None),
    }
}

impl FinishedJob {
    /// Removes the changed rows from the viewer cache, publishes the events of the job if it was committed, and answers
    /// its caller. The order matters, because neither the caller nor a listener may find an outdated row in the cache.
    pub(crate) fn answer(self, committed: Result<(), String>, viewers: &ViewerCache, events: &Events) {
        let Changes { users, sessions, unknown } = &self.changes;
        if *unknown > 0 {
            // a statement that should have named its rows failed or was cut off
            viewers.clear();
        } else {
            viewers.forget(users, sessions);
        }
        if self.fate == Fate::Keep && committed.is_ok() {
            events.announce(&self.events);
        }
        let fault = self.fault.or(committed.err().map(|why| Fault::Unavailable(why.into())));
        if let Some(reply) = self.reply {
            reply(fault);
        }
    }
}

/// Waits for the answer to a job, but no longer than [`WRITE_TIME_LIMIT`].
pub(crate) async fn in_time<T>(
    answer: impl Future<Output = Result<Result<T, Fault>, RecvError>>,
) -> Result<T, Fault> {
    let answered = tokio::time::timeout(WRITE_TIME_LIMIT, answer).await;
    let reply = answered.map_err(|late| Fault::Unavailable(late.into()))?;
    reply.unwrap_or_else(|dropped| Err(Fault::Unavailable(dropped.into())))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a closure panicked: {}", text.unwrap_or("without a text"))
}
