//! LISTEN and NOTIFY, with which servers that share a PostgreSQL database learn about each other's commits.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use crate::{
    fault::Fault,
    storage::engine::{
        limits::{PENDING_NOTIFICATIONS, STATEMENT_TIME_LIMIT},
        pool::Transaction,
    },
};

/// The channel that all servers on one database share.
const CHANNEL: &str = "gatehouse_events";

/// Commits, and sends these texts to every listening server, in one round trip. Nothing is sent if the commit fails.
pub(crate) async fn commit(transaction: Transaction, texts: &[String]) -> Result<(), DbErr> {
    // not parameters, which would take another round trip, and not NOTIFY, which pg_stat_statements would list once for
    // each text
    let notify = |text: &String| format!("SELECT pg_notify('{CHANNEL}', '{}'); ", text.replace('\'', "''"));
    transaction.end(texts.iter().map(notify).collect::<String>() + "COMMIT").await
}

/// Sends a text to every listening server, including this one, when the current transaction is committed.
pub async fn notify(on: &impl ConnectionTrait, text: String) -> Result<(), DbErr> {
    let values = [CHANNEL.into(), text.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    on.execute_raw(notify).await.map(drop)
}

/// Receives the texts that servers on this database send from now on, through a connection of its own. The channel
/// closes when that connection is lost.
pub async fn listen(url: &SecretString) -> Result<mpsc::Receiver<String>, Fault> {
    let unavailable = |error: sea_orm::sqlx::Error| Fault::Unavailable(error.into());
    let options: PgConnectOptions = url.expose_secret().parse().map_err(unavailable)?;
    let connect = async {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.connect_with(options.application_name("gatehouse events")).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    let connected = tokio::time::timeout(STATEMENT_TIME_LIMIT + Duration::from_secs(1), connect).await;
    let mut listener = connected.map_err(|late| Fault::Unavailable(late.into()))?.map_err(unavailable)?;

    let (sender, receiver) = mpsc::channel(PENDING_NOTIFICATIONS);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = listener.try_recv() => next,
                () = sender.closed() => return,
            };
            match next {
                Ok(Some(notification)) => {
                    if sender.send(notification.payload().to_owned()).await.is_err() {
                        return;
                    }
                }
                // ends instead of reconnecting, because the receiver must know that it may have missed something
                Ok(None) => return,
                Err(error) => return tracing::warn!(%error, "the connection for events was lost"),
            }
        }
    });
    Ok(receiver)
}
