//! How servers on one PostgreSQL database hear of each other's commits: LISTEN and NOTIFY.
//!
//! A notice is a transaction of its own, never part of the transaction that it reports: PostgreSQL holds a lock on the whole
//! database cluster while a transaction with NOTIFY is flushed to disk, so the disk would limit how many people can sign in.

use std::time::Duration;

use sea_orm::sqlx::{
    self,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    events::{NoticeChannel, NoticeError},
    fault::Fault,
    storage::engine::limits::STATEMENT_TIME_LIMIT,
};

/// The channel that all servers on one database share.
const CHANNEL: &str = "gatehouse_events";

/// A connection on which a server sends its notices, and receives those of all servers, including its own.
#[derive(Debug)]
pub struct Notifications(PgListener);

impl Notifications {
    /// Connects, and receives everything that is sent from now on.
    pub async fn connect(url: &SecretString) -> Result<Self, Fault> {
        let unavailable = |error: sqlx::Error| Fault::Unavailable(error.into());
        let options: PgConnectOptions = url.expose_secret().parse().map_err(unavailable)?;
        let connect = async {
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let pool = pool.connect_with(options.application_name("gatehouse events")).await?;
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok(Self(listener))
        };
        let connected = tokio::time::timeout(STATEMENT_TIME_LIMIT + Duration::from_secs(1), connect).await;
        connected.map_err(|late| Fault::Unavailable(late.into()))?.map_err(unavailable)
    }
}

impl NoticeChannel for Notifications {
    const DELIVERS: bool = true;

    async fn receive(&mut self) -> Result<String, NoticeError> {
        // `None` means that the connection ended: a new one would not show what was missed meanwhile
        let received = self.0.try_recv().await.map_err(|error| NoticeError::Failed(error.into()))?;
        Ok(received.ok_or(NoticeError::Lost)?.payload().to_owned())
    }

    async fn send(&mut self, text: &str) -> Result<(), NoticeError> {
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(text).execute(&mut self.0);
        let sent = tokio::time::timeout(STATEMENT_TIME_LIMIT, notify).await;
        let sent = sent.map_err(|late| NoticeError::Failed(late.into()))?;
        sent.map(drop).map_err(|error| NoticeError::Failed(error.into()))
    }
}
