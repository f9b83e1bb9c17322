//! What keeps a use case from reaching an outcome. Outcomes are the use cases' own types.

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
