//! The background task that sends events to other servers, receives theirs, and checks for events that it may have missed.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time};
use uuid::Uuid;

use crate::{
    app::App,
    config::{DatabaseEvents, DatabaseUrl},
    events::{CheckOnly, Event, EventKind, NoticeChannel, NoticeError},
    fault::Fault,
    storage::{Db, Notifications, notify, session},
    telemetry::with_causes,
};

/// The interval at which this server sends itself a sign of life, which is a notice without events. Without signs of
/// life, this server could not distinguish a dead connection from one on which no notices are sent.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The time within which this server must receive a sign of life that it sent to itself.
const ECHO_TIME_LIMIT: Duration = Duration::from_secs(2);

/// The interval at which this server checks whether sessions with listeners have ended. No notice arrives if another
/// program on the same SQLite file ended a session, or if the server that ended a session crashed before it sent the
/// notice.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The interval that replaces `CHECK_INTERVAL` on a server that receives no notices.
const CHECK_INTERVAL_ALONE: Duration = Duration::from_secs(5);

/// The shortest time between two notices from this server is `LEAST_PAUSE`, or `PAUSE_PER_SERVER` for each server heard
/// from recently, whichever is longer. PostgreSQL sends notices one after another, each to all servers. To reduce their
/// number, events in quick succession share one notice. An event that follows no other is sent immediately.
const LEAST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE_PER_SERVER: Duration = Duration::from_millis(1);

/// The first and the longest pause before this server reconnects.
const RECONNECT_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// The time limit for sending the last notices of a process that is ending.
const LAST_NOTICES_TIME_LIMIT: Duration = Duration::from_secs(2);

/// The maximum number of sessions that one statement checks.
const AT_ONCE: usize = 500;

/// The reason why notices no longer arrive.
#[derive(Debug, thiserror::Error)]
enum Disconnected {
    #[error(
        "this server does not receive its own notices; if there is a pooler in transaction mode between it and PostgreSQL, set \
         DATABASE_LISTEN_URL to PostgreSQL's own address, or DATABASE_EVENTS=check; if DATABASE_LISTEN_URL is set, it must lead to \
         the database of DATABASE_URL"
    )]
    NoEcho,
    #[error(transparent)]
    Channel(#[from] NoticeError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Exchanges events with the other servers, and never returns.
pub async fn run(app: &App) {
    let [mut pause, most] = RECONNECT_PAUSES;
    loop {
        let begun = Instant::now();
        let why = match connect(app).await {
            Ok(Some(channel)) => follow(app, channel).await,
            Ok(None) => follow(app, CheckOnly).await,
            Err(fault) => Err(fault.into()),
        };
        let why = why.map_or_else(|why| why, |never| match never {});
        app.db.set_listening(false);
        app.metrics.hears_events.store(false, Ordering::Relaxed);
        tracing::warn!(error = %with_causes(&why), "events from other servers are not arriving; reconnecting");
        pause = if begun.elapsed() > most { RECONNECT_PAUSES[0] } else { (pause * 2).min(most) };
        time::sleep(pause).await;
        check_and_log(app).await;
    }
}

/// Sends the remaining notices to the other servers. A process that changes accounts calls this before it ends.
pub async fn announce_rest(app: &App) {
    if !app.events.has_unannounced() {
        return;
    }
    let announce = async {
        if let Some(mut channel) = connect(app).await? {
            while app.events.send_notice(&mut channel).await? {}
        }
        Ok::<_, Disconnected>(())
    };
    match time::timeout(LAST_NOTICES_TIME_LIMIT, announce).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => {
            tracing::warn!(error = %with_causes(&why), "could not notify other servers of the last events");
        }
        Err(_) => tracing::warn!("could not notify other servers of the last events in time"),
    }
}

/// Connects to the channel. Returns `None` if notices from other servers never arrive, as on SQLite.
async fn connect(app: &App) -> Result<Option<Notifications>, Fault> {
    let database = &app.config.database;
    match (&database.url, database.events) {
        (DatabaseUrl::Postgres(servers), DatabaseEvents::Notify) => {
            Notifications::connect(database.listen_url.as_ref().unwrap_or(servers)).await.map(Some)
        }
        (DatabaseUrl::Postgres(_), DatabaseEvents::Check) | (DatabaseUrl::Sqlite(_), _) => Ok(None),
    }
}

/// Sends and publishes events until the channel fails.
async fn follow<C: NoticeChannel>(app: &App, mut channel: C) -> Result<Infallible, Disconnected> {
    // the first ticks come immediately
    let mut heartbeats = time::interval(HEARTBEAT);
    let mut checks = time::interval(if C::DELIVERS { CHECK_INTERVAL } else { CHECK_INTERVAL_ALONE });
    // the state of the signs of life: the task that sends one, when the last one was sent, whether one has arrived
    // since then, and whether one has ever arrived on this channel
    let mut sending = JoinSet::new();
    let (mut sent_at, mut is_heard, mut is_listening) = (None::<Instant>, false, false);
    let mut servers = Servers::default();
    let mut next_notice = time::Instant::now();
    loop {
        let may_send = async {
            app.events.unannounced().await;
            time::sleep_until(next_notice).await;
        };
        tokio::select! {
            text = channel.receive() => {
                let text = text?;
                match app.events.hear(&text, |told| app.db.forget_viewers(told)) {
                    Ok(heard) => {
                        is_heard |= heard.is_own && heard.is_sign_of_life;
                        if is_heard && !is_listening {
                            // from now on no event is missed, but some events may have been missed before
                            is_listening = true;
                            app.db.set_listening(true);
                            app.metrics.hears_events.store(true, Ordering::Relaxed);
                            checks.reset_immediately();
                        }
                        servers.note(heard.from);
                        if heard.is_incomplete {
                            check_everything(app, is_listening).await?;
                        }
                    }
                    // the notice most likely comes from a server of a later version
                    Err(error) => {
                        tracing::warn!(error = %with_causes(&error), "a notice from another server is unreadable; checking for the changes it announced");
                        check_everything(app, is_listening).await?;
                    }
                }
            }
            () = may_send => {
                app.events.send_notice(&mut channel).await?;
                next_notice = time::Instant::now() + LEAST_PAUSE.max(PAUSE_PER_SERVER * servers.count());
            }
            _ = heartbeats.tick(), if C::DELIVERS => {
                if sent_at.is_some_and(|at| at.elapsed() > ECHO_TIME_LIMIT) {
                    if !std::mem::take(&mut is_heard) {
                        return Err(Disconnected::NoEcho);
                    }
                    sent_at = None;
                }
                if sent_at.is_none() && sending.is_empty() {
                    sending.spawn(send_sign_of_life(app.db.clone(), app.events.sign_of_life()));
                }
            }
            Some(sent) = sending.join_next() => match sent.map_err(Fault::internal)? {
                Ok(()) => sent_at = Some(Instant::now()),
                // too many writes are waiting
                Err(Fault::Busy) => {}
                Err(fault) => return Err(fault.into()),
            },
            _ = checks.tick() => check_missed(app).await?,
        }
    }
}

/// Sends a sign of life on a connection other than the one that listens. Behind a transaction pooler, the listening
/// connection receives only what it sends itself, so a sign of life sent on it would arrive even though notices from
/// other servers do not.
async fn send_sign_of_life(db: Db, text: String) -> Result<(), Fault> {
    db.write_forgettable(async move |txn| notify(&txn, &text).await).await
}

/// The servers heard from recently, each with the time of its last notice.
#[derive(Default)]
struct Servers(HashMap<Uuid, Instant>);

impl Servers {
    fn note(&mut self, server: Uuid) {
        self.0.insert(server, Instant::now());
    }

    fn count(&mut self) -> u32 {
        self.0.retain(|_, heard_at| heard_at.elapsed() < HEARTBEAT * 2);
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// Clears the viewer cache, and checks for ended sessions.
async fn check_everything(app: &App, is_listening: bool) -> Result<(), Fault> {
    app.db.set_listening(is_listening);
    check_missed(app).await
}

async fn check_and_log(app: &App) {
    if let Err(fault) = check_missed(app).await {
        tracing::warn!(error = %with_causes(&fault), "the check for ended sessions failed");
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
