//! The way servers on one database notify each other of events.

use std::error::Error;

/// A channel that carries notices between the servers on one database.
pub trait NoticeChannel: Send {
    /// Whether the notices of other servers arrive at all.
    const DELIVERS: bool;

    /// Waits for the next notice from any server, including this one. Nothing is lost if the future is dropped.
    fn receive(&mut self) -> impl Future<Output = Result<String, NoticeError>> + Send;

    /// Sends a notice to every server that listens.
    fn send(&mut self, text: &str) -> impl Future<Output = Result<(), NoticeError>> + Send;
}

/// The reason why a channel no longer carries notices.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The connection has ended.
    #[error("the connection is lost")]
    Lost,
    /// The database or the network failed.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

/// A channel that carries nothing, for databases and connection poolers without LISTEN. Servers then learn of each
/// other's changes only by checking the database.
#[derive(Debug)]
pub struct CheckOnly;

impl NoticeChannel for CheckOnly {
    const DELIVERS: bool = false;

    async fn receive(&mut self) -> Result<String, NoticeError> {
        std::future::pending().await
    }

    async fn send(&mut self, _: &str) -> Result<(), NoticeError> {
        Ok(())
    }
}
