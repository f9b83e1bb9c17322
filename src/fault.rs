//! Why a use case does not succeed: it refuses for a reason of its own, or a fault keeps it from deciding.

use std::{error::Error, time::Duration};

/// The request could not be decided. Says why to the log, and nothing of it to the client.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A bounded queue is full. Trying again in a second helps; nothing was done.
    #[error("a queue is full")]
    Busy,
    /// A budget is used up. Nothing was done.
    #[error("a rate limit is reached")]
    RateLimited {
        /// The setting that says how much there is of it.
        setting: &'static str,
        /// When trying again may help, from now.
        retry_after: Duration,
    },
    /// A unique name was somebody else's at the moment of writing. Nothing was kept.
    #[error("a unique name is taken")]
    Conflict(#[source] Box<dyn Error + Send + Sync>),
    /// The database did not answer, or refused. Nothing was kept, unless it was the answer to a commit that got lost.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A defect of ours.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Fault {
    /// A defect of ours, from whatever showed it.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// Why a use case did not do what it was asked to.
#[derive(Debug)]
pub enum Failure<R> {
    /// It decided against it, for a reason that the client may know.
    Refused(R),
    /// It decided nothing.
    Fault(Fault),
}

/// Marks the reasons of a use case, so that `?` turns them into a [`Failure`].
pub trait Refusal {}

impl<R> Failure<R> {
    /// Converts the reason into that of the use case which called this one.
    pub fn into_refusal<S: From<R>>(self) -> Failure<S> {
        match self {
            Self::Refused(reason) => Failure::Refused(reason.into()),
            Self::Fault(fault) => Failure::Fault(fault),
        }
    }
}

impl<R: Refusal> From<R> for Failure<R> {
    fn from(reason: R) -> Self {
        Self::Refused(reason)
    }
}

impl<R> From<Fault> for Failure<R> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
