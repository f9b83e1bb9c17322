//! Events of accounts and sessions, for listeners on every server.
//!
//! **The path of an event**: the statement in `storage/<table>.rs` that ends a session, sets a password or changes a
//! profile also publishes the event in the same transaction, so no use case can forget to publish it. After COMMIT has
//! returned, and before the caller gets a response, `storage` passes the event to [`Events::announce`], which publishes
//! it on this server. `peers.rs` then sends it to the other servers in a notice, and they publish it too. So code that
//! caches data of a user or session learns from [`Event::user_id`] and [`Event::session_id`] which data is stale, and
//! never serves stale data.
//!
//! If a server crashes between the COMMIT and the notice, the other servers do not hear of the event. So no server
//! relies on notices alone: `peers.rs` checks the database for ended sessions, and `storage/viewer_cache.rs` limits the
//! age of its rows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use crate::secrets;

mod channel;
mod notice;
mod unannounced;

pub use channel::{CheckOnly, NoticeChannel, NoticeError};
pub use notice::{Heard, MalformedNotice, Notice};
use unannounced::Unannounced;

/// The number of events that are kept for a slow listener. A listener that falls further behind misses the oldest events.
const WAITING: usize = 64;

/// An event of an account. It refers to users and sessions only by their IDs, so it is safe to send through the
/// database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The kind of event.
    pub kind: EventKind,
    /// The ID of the user whom the event concerns. For [`EventKind::LoginLinkConfirmed`], the ID of the challenge,
    /// because there may be no user yet.
    pub user_id: Uuid,
    /// The session that the event concerns, if any.
    pub session_id: Option<Uuid>,
    /// When the event happened.
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub at: OffsetDateTime,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// A user signed in.
    SessionStarted,
    /// A session was ended before it expired.
    SessionEnded,
    /// The password was set or changed.
    PasswordChanged,
    /// The email address was verified, either the existing one or a new one.
    EmailVerified,
    /// The profile, the linked accounts, the role or the active state changed.
    ProfileChanged,
    /// The link of a challenge was confirmed for the client that requested it.
    LoginLinkConfirmed,
}

impl Event {
    /// Returns whether this is the end of the session.
    #[must_use]
    pub fn ends(&self, session_id: Uuid) -> bool {
        self.kind == EventKind::SessionEnded && self.session_id == Some(session_id)
    }
}

/// The listeners on this server. Clones share them.
#[derive(Clone, Debug)]
pub struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The ID of this server, which distinguishes its notices from those of other servers.
    server: Uuid,
    /// One room for each user or challenge that has listeners.
    rooms: Mutex<HashMap<Uuid, Room>>,
    unannounced: Unannounced,
}

#[derive(Debug)]
struct Room {
    sender: broadcast::Sender<Event>,
    /// The number of listeners for each session. Listeners for a challenge have no session.
    sessions: HashMap<Option<Uuid>, usize>,
}

impl Default for Events {
    fn default() -> Self {
        let server = uuid::Builder::from_random_bytes(secrets::guessable()).into_uuid();
        let rooms = Mutex::default();
        Self(Arc::new(Inner { server, rooms, unannounced: Unannounced::default() }))
    }
}

impl Events {
    /// Publishes committed events of this server, and queues them for the other servers. Never waits.
    pub fn announce(&self, events: &[Event]) {
        if !events.is_empty() {
            self.publish(events);
            self.0.unannounced.add(events);
        }
    }

    /// Sends each event to its listeners on this server. Never waits.
    pub fn publish(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let rooms = self.rooms();
        for event in events {
            if let Some(room) = rooms.get(&event.user_id) {
                // sending fails only if the last listener is about to leave the room
                let _ = room.sender.send(*event);
            }
        }
    }

    /// Subscribes one session of a user to the events of that user from now on.
    #[must_use]
    pub fn listen(&self, user_id: Uuid, session_id: Uuid) -> Listener {
        self.enter(&mut self.rooms(), user_id, Some(session_id))
    }

    /// Subscribes to the confirmation of a challenge's link. Returns `None` if the challenge already has `most` listeners.
    #[must_use]
    pub fn listen_for_confirmation(&self, challenge_id: Uuid, most: usize) -> Option<Listener> {
        let mut rooms = self.rooms();
        let open = rooms.get(&challenge_id).and_then(|room| room.sessions.get(&None));
        let has_place = open.is_none_or(|count| *count < most);
        has_place.then(|| self.enter(&mut rooms, challenge_id, None))
    }

    fn enter(&self, rooms: &mut HashMap<Uuid, Room>, user_id: Uuid, session_id: Option<Uuid>) -> Listener {
        let room = rooms
            .entry(user_id)
            .or_insert_with(|| Room { sender: broadcast::channel(WAITING).0, sessions: HashMap::new() });
        *room.sessions.entry(session_id).or_default() += 1;
        Listener { heard: room.sender.subscribe(), events: self.clone(), user_id, session_id }
    }

    /// Returns the sessions that have listeners, each with its user.
    #[must_use]
    pub fn sessions(&self) -> Vec<(Uuid, Uuid)> {
        let rooms = self.rooms();
        let of_room = |(user, room): (&Uuid, &Room)| {
            let user = *user;
            room.sessions.keys().flatten().map(move |session| (*session, user)).collect::<Vec<_>>()
        };
        rooms.iter().flat_map(of_room).collect()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Uuid, Room>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscription to the events of one user or challenge. It lasts until it is dropped.
#[derive(Debug)]
pub struct Listener {
    heard: broadcast::Receiver<Event>,
    events: Events,
    user_id: Uuid,
    session_id: Option<Uuid>,
}

impl Listener {
    /// Returns the next event. A slow listener may miss events, but never the end of its session: that event is
    /// published repeatedly until the listener is dropped.
    pub async fn next(&mut self) -> Event {
        loop {
            match self.heard.recv().await {
                Ok(event) => return event,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(user.id = %self.user_id, missed, "a slow listener missed events");
                }
                // this listener keeps the room open
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Waits until the listener's session ends. Without a session, waits forever.
    pub async fn session_end(&mut self) {
        loop {
            let event = self.next().await;
            if self.session_id.is_some_and(|id| event.ends(id)) {
                return;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut rooms = self.events.rooms();
        let Some(room) = rooms.get_mut(&self.user_id) else { return };
        if let Some(count) = room.sessions.get_mut(&self.session_id) {
            *count -= 1;
            if *count == 0 {
                room.sessions.remove(&self.session_id);
            }
        }
        if room.sessions.is_empty() {
            rooms.remove(&self.user_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user_id: Uuid, session_id: Uuid) -> Event {
        Event {
            kind: EventKind::SessionEnded,
            user_id,
            session_id: Some(session_id),
            at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_listener_hears_its_user_alone_and_leaves_nothing_behind() {
        let events = Events::default();
        let [ada, grace, here, there] = [1, 2, 3, 4].map(Uuid::from_u128);
        let (mut one, mut other) = (events.listen(ada, here), events.listen(ada, there));
        events.publish(&[event(grace, here), event(ada, there)]);
        assert_eq!(one.next().await, event(ada, there));
        other.session_end().await;
        assert_eq!(events.sessions().len(), 2);
        drop(one);
        assert_eq!(events.sessions(), [(there, ada)]);
        drop(other);
        assert!(events.rooms().is_empty());
    }

    #[tokio::test]
    async fn a_slow_listener_misses_the_oldest_events_and_goes_on() {
        let events = Events::default();
        let [ada, here, there] = [1, 2, 3].map(Uuid::from_u128);
        let mut slow = events.listen(ada, here);
        for _ in 0..1000 {
            events.publish(&[event(ada, there)]);
        }
        events.publish(&[event(ada, here)]);
        slow.session_end().await;
    }
}
