//! Events of this server that have not yet been sent to the other servers.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Event;

/// The maximum number of waiting events. Unless the database is unavailable, events wait only a few milliseconds.
const CAPACITY: usize = 10_000;

/// The queue of events that wait for a notice.
#[derive(Debug, Default)]
pub(super) struct Unannounced {
    queue: Mutex<Queue>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// The number of times that events were dropped because the queue was full.
    overflows: u64,
    /// The number of overflows that were announced to the other servers. A server that receives such a notice checks
    /// for the events that it missed.
    announced_overflows: u64,
}

/// The events of the next notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    /// Whether earlier events were dropped.
    pub(super) is_incomplete: bool,
    /// The number of overflows before the batch was taken.
    overflows: u64,
}

impl Unannounced {
    /// Adds events. If they do not fit in the queue, drops them and all events that are waiting.
    pub(super) fn add(&self, events: &[Event]) {
        let mut queue = self.lock();
        if queue.events.len() + events.len() > CAPACITY {
            queue.events.clear();
            queue.overflows += 1;
        } else {
            queue.events.extend(events);
        }
        self.added.notify_one();
    }

    /// Returns at most `limit` of the oldest events, which stay in the queue. Returns `None` if there is nothing to send.
    pub(super) fn first(&self, limit: usize) -> Option<Batch> {
        let queue = self.lock();
        let events: Vec<Event> = queue.events.iter().take(limit).copied().collect();
        let is_incomplete = queue.overflows > queue.announced_overflows;
        let batch = Batch { events, is_incomplete, overflows: queue.overflows };
        (!batch.events.is_empty() || is_incomplete).then_some(batch)
    }

    /// Removes a batch that was sent.
    pub(super) fn remove(&self, batch: &Batch) {
        let mut queue = self.lock();
        // if the queue has overflowed in the meantime, the events of the batch are no longer in it
        if queue.overflows == batch.overflows {
            queue.events.drain(..batch.events.len());
        }
        queue.announced_overflows = batch.overflows;
    }

    /// Waits until there is something to send. Nothing is lost if the future is dropped.
    pub(super) async fn wait(&self) {
        while self.first(1).is_none() {
            self.added.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::events::EventKind;

    fn event(number: usize) -> Event {
        let user_id = Uuid::from_u128(number as u128);
        Event { kind: EventKind::ProfileChanged, user_id, session_id: None, at: OffsetDateTime::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn a_batch_stays_until_it_is_sent() {
        let unannounced = Unannounced::default();
        assert_eq!(unannounced.first(40), None);
        unannounced.add(&[event(1), event(2), event(3)]);
        unannounced.wait().await;
        let batch = unannounced.first(2).unwrap();
        assert_eq!(batch, Batch { events: vec![event(1), event(2)], is_incomplete: false, overflows: 0 });
        assert_eq!(unannounced.first(2), Some(batch.clone()));
        unannounced.remove(&batch);
        assert_eq!(unannounced.first(2).unwrap().events, [event(3)]);
    }

    #[test]
    fn an_overflow_is_announced_once() {
        let unannounced = Unannounced::default();
        let events: Vec<_> = (0..CAPACITY).map(event).collect();
        unannounced.add(&events);
        let sent = unannounced.first(40).unwrap();
        unannounced.add(&[event(1)]);
        unannounced.add(&[event(2)]);
        // the batch was taken before the overflow, so event 2 is not part of it
        unannounced.remove(&sent);
        let batch = unannounced.first(40).unwrap();
        assert_eq!(batch, Batch { events: vec![event(2)], is_incomplete: true, overflows: 1 });
        // the queue overflows again while the notice of the first overflow is being sent
        unannounced.add(&events);
        assert_eq!(unannounced.first(1).map(|batch| batch.overflows), Some(2));
        unannounced.remove(&batch);
        let batch = unannounced.first(40).unwrap();
        assert_eq!(batch, Batch { events: Vec::new(), is_incomplete: true, overflows: 2 });
        unannounced.remove(&batch);
        assert_eq!(unannounced.first(40), None);
    }
}
