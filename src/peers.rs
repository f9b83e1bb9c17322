//! The background task that receives the events of other servers, and checks for events that it may have missed.

use std::{collections::HashMap, convert::Infallible, error::Error, time::Duration};

use tokio::{sync::mpsc, time};

use crate::{
    app::App,
    config::DatabaseUrl,
    events::{Event, EventKind},
    fault::Fault,
    storage::{self, session},
};

/// The interval at which it sends a notification to itself. This is the only way to notice that a transaction pooler or
/// a dead connection delivers no notifications.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The interval at which it checks whether sessions with listeners have ended. Not every end is announced: for example,
/// another program may end a session in the same SQLite file.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The first and the longest pause before it reconnects.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// The maximum number of sessions that one statement checks.
const AT_ONCE: usize = 500;

/// The reason why notifications no longer arrive.
#[derive(Debug, thiserror::Error)]
enum Disconnected {
    #[error("the connection is lost")]
    Lost,
    #[error(
        "this server does not receive its own notifications; is there a transaction pooler between it and PostgreSQL?"
    )]
    NoEcho,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Follows the other servers and never returns.
pub async fn run(app: &App) {
    let DatabaseUrl::Postgres(url) = &app.config.database.url else {
        // on SQLite no other server announces its writes
        loop {
            time::sleep(CHECK_INTERVAL).await;
            check_and_log(app).await;
        }
    };
    let [mut pause, most] = PAUSES;
    loop {
        let begun = time::Instant::now();
        let why: Disconnected = match storage::listen(url).await {
            Ok(notices) => follow(app, notices).await.map_or_else(|why| why, |never| match never {}),
            Err(fault) => fault.into(),
        };
        app.db.set_listening(false);
        tracing::warn!(error = &why as &dyn Error, "events of other servers are not arriving; reconnecting");
        pause = if begun.elapsed() > most { PAUSES[0] } else { (pause * 2).min(most) };
        time::sleep(pause).await;
        check_and_log(app).await;
    }
}

/// Publishes the events that arrive.
async fn follow(app: &App, mut notices: mpsc::Receiver<String>) -> Result<Infallible, Disconnected> {
    // the first ticks come at once, because nothing is missed from here on, but something may have been missed before
    app.db.set_listening(true);
    let mut heartbeats = time::interval(HEARTBEAT);
    let mut checks = time::interval(CHECK_INTERVAL);
    let mut is_alive = true;
    loop {
        tokio::select! {
            notice = notices.recv() => {
                match app.events.hear(&notice.ok_or(Disconnected::Lost)?, |told| app.db.forget_viewers(told)) {
                    Ok(is_own) => is_alive |= is_own,
                    // probably from a later version
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn Error, "a notification from another server is unreadable; checking for the changes that it announced");
                        // this also clears the cache
                        app.db.set_listening(true);
                        check_missed(app).await?;
                    }
                }
            }
            _ = heartbeats.tick() => {
                if !std::mem::take(&mut is_alive) {
                    return Err(Disconnected::NoEcho);
                }
                let sign = app.events.sign_of_life();
                app.db.write_one(async move |txn| storage::notify(&txn, sign).await).await?;
            }
            _ = checks.tick() => check_missed(app).await?,
        }
    }
}

async fn check_and_log(app: &App) {
    if let Err(fault) = check_missed(app).await {
        tracing::warn!(error = &fault as &dyn Error, "the check for ended sessions failed");
    }
}

/// Publishes the end of every ended session that still has listeners.
async fn check_missed(app: &App) -> Result<(), Fault> {
    let listened_for: HashMap<_, _> = app.events.sessions().into_iter().collect();
    let ids: Vec<_> = listened_for.keys().copied().collect();
    for ids in ids.chunks(AT_ONCE) {
        let at = app.clock.now();
        let end = |id| {
            let user_id = listened_for.get(&id)?;
            Some(Event { kind: EventKind::SessionEnded, user_id: *user_id, session_id: Some(id), at })
        };
        let ended = session::list_ended(app.db.read(), ids).await?;
        app.events.publish(&ended.into_iter().filter_map(end).collect::<Vec<_>>());
    }
    Ok(())
}
