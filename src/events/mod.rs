//! What happens to accounts and sessions, told to whoever listens.
//!
//! **The way of an event**: the statement in `storage/<table>.rs` that ends a session, sets a password or changes a profile
//! publishes it to its transaction, so no use case can forget to. On PostgreSQL the transaction itself sends it to the other
//! servers, by NOTIFY, where `relay.rs` hears it. Once COMMIT has returned, and before the caller is answered, `storage`
//! hands it to [`Events::publish`], on the server that caused it as on those that hear of it. So whoever keeps something of
//! a user or a session knows from [`Event::user_id`] and [`Event::session_id`] what is no longer true, and never answers with
//! what came before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use crate::secrets;

mod notice;

pub use notice::{MalformedNotice, Notice};

/// Events that wait for a listener who is slower than they come. Beyond, it misses the oldest.
const WAITING: usize = 64;

/// Something that happened to an account. It holds ids alone, so that it may go through the database's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub user_id: Uuid,
    /// To which session, where it concerns one.
    pub session_id: Option<Uuid>,
    /// When.
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub at: OffsetDateTime,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// Somebody signed in.
    SessionStarted,
    /// A session is over, by whomever: it was ended before it expired.
    SessionEnded,
    /// The password is another, or there is one now.
    PasswordChanged,
    /// The address is proven: the one that was there, or another in its place.
    EmailVerified,
    /// Names, what people say of themselves, what else signs them in, their role, or whether they may sign in.
    ProfileChanged,
}

impl Event {
    /// Whether it is the end of this session.
    #[must_use]
    pub fn ends(&self, session_id: Uuid) -> bool {
        self.kind == EventKind::SessionEnded && self.session_id == Some(session_id)
    }
}

/// Who listens on this server. Clones share it.
#[derive(Clone, Debug)]
pub struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tells this server's notices from those of others.
    server: Uuid,
    /// One for each user whom somebody listens to.
    rooms: Mutex<HashMap<Uuid, Room>>,
}

#[derive(Debug)]
struct Room {
    sender: broadcast::Sender<Event>,
    /// How many listen on behalf of which session.
    sessions: HashMap<Uuid, usize>,
}

impl Default for Events {
    fn default() -> Self {
        Self(Arc::new(Inner { server: secrets::uuid_v4(), rooms: Mutex::default() }))
    }
}

impl Events {
    /// Tells whoever listens on this server. Never waits.
    pub fn publish(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let rooms = self.rooms();
        for event in events {
            if let Some(room) = rooms.get(&event.user_id) {
                // nobody is left in a room only while the last one leaves
                let _ = room.sender.send(*event);
            }
        }
    }

    /// All that happens to a user from now on, on behalf of one of their sessions.
    #[must_use]
    pub fn listen(&self, user_id: Uuid, session_id: Uuid) -> Listener {
        let mut rooms = self.rooms();
        let room = rooms
            .entry(user_id)
            .or_insert_with(|| Room { sender: broadcast::channel(WAITING).0, sessions: HashMap::new() });
        *room.sessions.entry(session_id).or_default() += 1;
        Listener { heard: room.sender.subscribe(), events: self.clone(), user_id, session_id }
    }

    /// The sessions that somebody listens on behalf of, each with its user.
    #[must_use]
    pub fn sessions(&self) -> Vec<(Uuid, Uuid)> {
        let rooms = self.rooms();
        let of_room = |(user, room): (&Uuid, &Room)| {
            let user = *user;
            room.sessions.keys().map(move |session| (*session, user)).collect::<Vec<_>>()
        };
        rooms.iter().flat_map(of_room).collect()
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Uuid, Room>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears what happens to one user, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    heard: broadcast::Receiver<Event>,
    events: Events,
    user_id: Uuid,
    session_id: Uuid,
}

impl Listener {
    /// The next event. Whoever is too slow misses some; that their session is over they are told again, for as long as they
    /// listen.
    pub async fn next(&mut self) -> Event {
        loop {
            match self.heard.recv().await {
                Ok(event) => return event,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(user.id = %self.user_id, missed, "a listener was too slow for its events");
                }
                // the room is there for as long as this is
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Waits until the session on whose behalf it listens is over.
    pub async fn session_end(&mut self) {
        while !self.next().await.ends(self.session_id) {}
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
    async fn whoever_is_slow_misses_the_oldest_and_goes_on() {
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
