//! How servers on one PostgreSQL hear of each other's commits: LISTEN and NOTIFY.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use crate::{
    fault::Fault,
    storage::engine::{db::TIME_LIMIT, pool::Transaction},
};

/// All servers on one database use it.
const CHANNEL: &str = "gatehouse_events";

/// Notices that wait for whoever hears them. PostgreSQL keeps what waits beyond.
const WAITING: usize = 64;

/// Commits, and with it sends these texts to every server that listens, in one round trip. Rolled back, nobody hears of them.
pub(crate) async fn commit(txn: Transaction, texts: &[String]) -> Result<(), DbErr> {
    // parameters would be a round trip of their own; and each NOTIFY would be a statement of its own to pg_stat_statements
    let notify = |text: &String| format!("SELECT pg_notify('{CHANNEL}', '{}'); ", text.replace('\'', "''"));
    txn.end(texts.iter().map(notify).collect::<String>() + "COMMIT").await
}

/// Sends a text to every server that listens, this one included, with the commit of the transaction that it is part of.
///
/// # Errors
/// The database's.
pub async fn notify(on: &impl ConnectionTrait, text: String) -> Result<(), DbErr> {
    let values = [CHANNEL.into(), text.into()];
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
    on.execute_raw(notify).await.map(drop)
}

/// All that servers on this database send from now on, by a connection of its own. It ends when that is lost.
///
/// # Errors
/// If the database cannot be reached.
pub async fn hear(url: &SecretString) -> Result<mpsc::Receiver<String>, Fault> {
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
    let connected = tokio::time::timeout(TIME_LIMIT + Duration::from_secs(1), connect).await;
    let mut listener = connected.map_err(|late| Fault::Unavailable(late.into()))?.map_err(unavailable)?;

    let (sender, heard) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let received = tokio::select! {
                received = listener.try_recv() => received,
                () = sender.closed() => return,
            };
            match received {
                Ok(Some(notice)) => {
                    if sender.send(notice.payload().to_owned()).await.is_err() {
                        return;
                    }
                }
                // whoever hears must know that there may be more that they did not hear
                Ok(None) => return,
                Err(error) => return tracing::warn!(%error, "other servers can no longer be heard"),
            }
        }
    });
    Ok(heard)
}
