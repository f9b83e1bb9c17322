//! The one task that hears what other servers did, and looks after what it may have missed.

use std::{collections::HashMap, convert::Infallible, error::Error, time::Duration};

use tokio::{sync::mpsc, time};

use crate::{
    app::App,
    config::DatabaseUrl,
    events::{Event, EventKind},
    fault::Fault,
    storage::{self, session},
};

/// How often it makes sure that it hears. A pooler that lends connections out for a transaction, and a line that is dead
/// without a word, hear nothing and say nothing.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// How often it looks whether sessions are over that somebody listens for: nothing may have told of it, like another program
/// on the same SQLite file.
const LOOK: Duration = Duration::from_secs(30);

/// How long to wait before it connects again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Sessions that one statement asks for.
const AT_ONCE: usize = 500;

/// Why nothing is heard any more.
#[derive(Debug, thiserror::Error)]
enum Disconnected {
    #[error("the connection is lost")]
    Lost,
    #[error(
        "what this server sends does not come back: is a pooler between it and PostgreSQL that lends connections out?"
    )]
    Unheard,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Runs for ever.
pub async fn run(app: &App) {
    let DatabaseUrl::Postgres(url) = &app.config.database.url else {
        // nobody else writes, or at least nobody tells
        loop {
            time::sleep(LOOK).await;
            look_and_tell(app).await;
        }
    };
    let [mut pause, most] = PAUSES;
    loop {
        let begun = time::Instant::now();
        let why: Disconnected = match storage::listen(url).await {
            Ok(heard) => follow(app, heard).await.map_or_else(|why| why, |never| match never {}),
            Err(fault) => fault.into(),
        };
        app.db.set_listening(false);
        tracing::warn!(error = &why as &dyn Error, "other servers are not heard; it tries again");
        pause = if begun.elapsed() > most { PAUSES[0] } else { (pause * 2).min(most) };
        time::sleep(pause).await;
        look_and_tell(app).await;
    }
}

/// Publishes what is heard.
async fn follow(app: &App, mut heard: mpsc::Receiver<String>) -> Result<Infallible, Disconnected> {
    // both begin at once: from here on nothing is missed, but something may have been before
    app.db.set_listening(true);
    let mut signs = time::interval(SIGN_OF_LIFE);
    let mut looks = time::interval(LOOK);
    let mut is_heard = true;
    loop {
        tokio::select! {
            notice = heard.recv() => {
                match app.events.hear(&notice.ok_or(Disconnected::Lost)?, |told| app.db.forget_viewers(told)) {
                    Ok(is_own) => is_heard |= is_own,
                    // of a later version, most likely
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn Error, "what another server did is looked for");
                        // and with it goes what is kept
                        app.db.set_listening(true);
                        check_missed(app).await?;
                    }
                }
            }
            _ = signs.tick() => {
                if !std::mem::take(&mut is_heard) {
                    return Err(Disconnected::Unheard);
                }
                let sign = app.events.sign_of_life();
                app.db.write_one(async move |txn| storage::notify(&txn, sign).await).await?;
            }
            _ = looks.tick() => check_missed(app).await?,
        }
    }
}

async fn look_and_tell(app: &App) {
    if let Err(fault) = check_missed(app).await {
        tracing::warn!(error = &fault as &dyn Error, "whether sessions are over could not be found out");
    }
}

/// Publishes the ends of sessions that are over, though somebody still listens for them.
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
