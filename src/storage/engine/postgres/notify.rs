//! Uses LISTEN and NOTIFY to tell servers on one PostgreSQL database about each other's commits.
//!
//! A notice is sent in its own transaction, never as part of the transaction that it reports. PostgreSQL holds a lock
//! on the whole database cluster while it flushes a transaction with NOTIFY to disk, so the disk would otherwise limit
//! how many people can sign in.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sqlx::{
        self, ConnectOptions as _,
        postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tracing::log::LevelFilter;

use crate::{
    events::{NoticeChannel, NoticeError},
    fault::Fault,
    storage::engine::{
        limits::{SLOW_STATEMENT, STATEMENT_TIME_LIMIT},
        postgres::broken_tls::without_tls,
    },
};

/// The time limit for connecting to one server.
const CONNECT_TIME_LIMIT: Duration = STATEMENT_TIME_LIMIT.saturating_add(Duration::from_secs(1));

/// The channel that all servers on one database share.
const CHANNEL: &str = "gatehouse_events";

/// A connection on which a server sends its notices and receives the notices of all servers, including its own.
#[derive(Debug)]
pub struct Notifications(PgListener);

impl Notifications {
    /// Connects to the server that accepts writes, and receives all notices that are sent from now on.
    pub async fn connect(servers: &[SecretString]) -> Result<Self, Fault> {
        let mut why = Fault::internal("no server is configured");
        for server in servers {
            let connected = tokio::time::timeout(CONNECT_TIME_LIMIT, Self::connect_to(server)).await;
            match connected {
                Ok(Ok(listening)) => return Ok(listening),
                Ok(Err(error)) => why = Fault::Unavailable(error.into()),
                Err(late) => why = Fault::Unavailable(late.into()),
            }
        }
        Err(why)
    }

    async fn connect_to(server: &SecretString) -> Result<Self, sqlx::Error> {
        let options: PgConnectOptions = server.expose_secret().parse()?;
        // as in `connect`
        let options = options
            .application_name("gatehouse events")
            .extra_float_digits(None)
            .log_slow_statements(LevelFilter::Debug, SLOW_STATEMENT);
        let mut listener = match Self::listener(options.clone()).await {
            Ok(listener) => listener,
            Err(error) => Self::listener(without_tls(&options, &error).ok_or(error)?).await?,
        };
        listener.eager_reconnect(false);
        // a notice is worthless after a crash, and PostgreSQL would hold the lock of all notices during the flush
        sqlx::query("SET synchronous_commit = off").execute(&mut listener).await?;
        // a standby rejects LISTEN
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    async fn listener(options: PgConnectOptions) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        PgListener::connect_with(&pool.connect_with(options).await?).await
    }
}

/// Sends a notice on a connection other than the one that listens.
pub async fn notify(on: &impl ConnectionTrait, text: &str) -> Result<(), DbErr> {
    let values = [CHANNEL.into(), text.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    on.execute_raw(notify).await.map(drop)
}

impl NoticeChannel for Notifications {
    const DELIVERS: bool = true;

    async fn receive(&mut self) -> Result<String, NoticeError> {
        // `None` means that the connection was lost; a new one would not deliver the notices that were missed in the
        // meantime
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
