//! The two ways a use case can fail: it refuses the request, or a fault prevents it from deciding.

use std::{error::Error, time::Duration};

/// A fault that prevented a use case from deciding on a request. Its details go to the log, never to the client.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A bounded queue is full. Nothing was done, and trying again in a second may succeed.
    #[error("a queue is full")]
    Busy,
    /// A rate limit is exceeded. Nothing was done.
    #[error("a rate limit is reached")]
    RateLimited {
        /// The setting that defines the limit.
        setting: &'static str,
        /// How long to wait before trying again.
        retry_after: Duration,
    },
    /// Another account took a unique name at the moment of writing. Nothing was saved.
    #[error("a unique name is taken")]
    Conflict(#[source] Box<dyn Error + Send + Sync>),
    /// The database did not respond, or refused the operation. Nothing was saved, unless a commit succeeded and only
    /// the response to it was lost.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A defect in Gatehouse.
    #[error("an internal fault")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl Fault {
    /// Wraps an error that indicates a defect in Gatehouse.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// The reason why a use case failed.
#[derive(Debug)]
pub enum Failure<R> {
    /// The use case refused, for a reason that the client may learn.
    Refused(R),
    /// The use case could not decide.
    Fault(Fault),
}

/// Marks the refusals of a use case, so that `?` converts them into a [`Failure`].
pub trait Refusal {}

impl<R> Failure<R> {
    /// Converts a refusal into a refusal of the calling use case. Leaves a fault unchanged.
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
