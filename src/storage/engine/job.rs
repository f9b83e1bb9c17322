//! A write that waits for its turn, and how it ended.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::txn::{Changed, Failure, Handle, Txn, Watch};
use crate::{
    events::{Event, Events},
    fault::Fault,
    storage::viewer_cache::Kept,
};

/// A closure that takes longer than this has hung: it is dropped, and its transaction rolled back.
const LONGEST: Duration = Duration::from_secs(2);

/// A closure on its way to the database. Dropped before it ran, its caller is told [`Fault::Unavailable`].
pub(crate) struct Job {
    pub(crate) kind: Kind,
    work: Box<dyn FnOnce(Txn) -> BoxFuture<'static, Worked> + Send>,
    is_abandoned: Box<dyn Fn() -> bool + Send>,
}

/// What a job needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Transaction,
    Statement,
}

/// How the closure ended. Its value is kept back until the commit.
struct Worked {
    end: Result<(), String>,
    answer: Answer,
}

/// Sends the closure's value, or the fault that takes its place.
type Answer = Box<dyn FnOnce(Option<Fault>) + Send>;

/// A job that has run.
pub(crate) struct Ended {
    pub(crate) fate: Fate,
    /// What is told once they are kept.
    pub(crate) events: Vec<Event>,
    /// What is forgotten, kept or not: of a commit that failed nobody knows.
    changed: Changed,
    fault: Option<Fault>,
    answer: Option<Answer>,
}

/// What is to become of a job's statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    /// They are undone, alone.
    Undo,
    /// They are undone, and with them all that shares their transaction, for this reason.
    Doom(String),
}

impl Job {
    pub(crate) fn new<T, F, Fut>(kind: Kind, work: F) -> (Self, oneshot::Receiver<Result<T, Fault>>)
    where
        F: FnOnce(Txn) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, DbErr>> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        let is_abandoned = {
            let reply = reply.clone();
            move || reply.lock().is_ok_and(|reply| reply.as_ref().is_none_or(oneshot::Sender::is_closed))
        };
        let work = move |txn: Txn| {
            async move {
                // the call itself may panic too, so it is made inside the guarded future
                let ended = AssertUnwindSafe(async move { work(txn).await }).catch_unwind().await;
                let ended = match ended {
                    Ok(result) => result.map_err(|error| error.to_string()),
                    Err(panic) => Err(panic_text(&*panic)),
                };
                let end = ended.as_ref().map(drop).map_err(Clone::clone);
                let answer = move |fault: Option<Fault>| {
                    let result = fault.map_or_else(|| ended.map_err(Fault::internal), Err);
                    if let Some(reply) = reply.lock().ok().and_then(|mut reply| reply.take()) {
                        let _ = reply.send(result);
                    }
                };
                Worked { end, answer: Box::new(answer) }
            }
            .boxed()
        };
        (Self { kind, work: Box::new(work), is_abandoned: Box::new(is_abandoned) }, answer)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        (self.is_abandoned)()
    }

    pub(crate) async fn run(self, handle: Handle) -> Ended {
        let most = if self.kind == Kind::Statement { 1 } else { u32::MAX };
        let watch = Arc::new(Watch::new(most));
        let txn = Txn { handle, watch: watch.clone() };
        let Ok(worked) = tokio::time::timeout(LONGEST, (self.work)(txn)).await else {
            let why = "a closure took too long".to_owned();
            return Ended {
                fate: Fate::Doom(why.clone()),
                events: Vec::new(),
                changed: watch.changed(),
                fault: Some(Fault::Unavailable(why.into())),
                answer: None,
            };
        };
        let events = watch.events();
        let end = match worked.end {
            Ok(()) if most == 1 && !events.is_empty() => Err("write_one publishes no events".to_owned()),
            end => end,
        };
        let (fate, fault) = match (end, watch.failure()) {
            (_, Some(Failure::Database(why))) => {
                (Fate::Doom(why.clone()), Some(Fault::Unavailable(why.into())))
            }
            // a statement that was kept has no savepoint to go back to
            (Err(why), None) | (_, Some(Failure::Own(why) | Failure::Conflict(why)))
                if self.kind == Kind::Statement && watch.done() > 0 =>
            {
                (Fate::Doom(why.clone()), Some(Fault::internal(why)))
            }
            (_, Some(Failure::Conflict(why))) => (Fate::Undo, Some(Fault::Conflict(why.into()))),
            (_, Some(Failure::Own(why))) | (Err(why), None) => (Fate::Undo, Some(Fault::internal(why))),
            (Ok(()), None) if watch.is_undone() => (Fate::Undo, None),
            (Ok(()), None) => (Fate::Keep, None),
        };
        Ended { fate, events, changed: watch.changed(), fault, answer: Some(worked.answer) }
    }
}

impl Ended {
    /// Forgets what is no longer so, tells of what happened and answers, now that it is known whether the transaction was
    /// committed.
    pub(crate) fn answer(self, committed: Result<(), String>, kept: &Kept, events: &Events) {
        kept.forget(&self.changed);
        if self.fate == Fate::Keep && committed.is_ok() {
            events.publish(&self.events);
        }
        let fault = self.fault.or(committed.err().map(|why| Fault::Unavailable(why.into())));
        if let Some(answer) = self.answer {
            answer(fault);
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a closure panicked: {}", text.unwrap_or("without a text"))
}
