//! Limits the number of open WebSockets, in total, for each address and for each user, and closes them when the server
//! stops.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use uuid::Uuid;

/// All open sockets of this server. Clones share the same sockets.
#[derive(Clone)]
pub(super) struct Sockets(Arc<Inner>);

struct Inner {
    closing: watch::Sender<bool>,
    open: Mutex<HashMap<Subject, usize>>,
}

/// A group of clients whose sockets a limit counts together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Everybody,
    /// Everybody without an access token.
    Anonymous,
    Address(String),
    User(Uuid),
}

/// The slot of a socket. Dropping this value frees the slot.
pub(super) struct SocketPlace {
    sockets: Sockets,
    subject: Subject,
}

impl Default for Sockets {
    fn default() -> Self {
        Self(Arc::new(Inner { closing: watch::Sender::new(false), open: Mutex::default() }))
    }
}

impl Sockets {
    /// Returns a slot, or `None` if the subject already has `most` slots.
    pub(super) fn place(&self, subject: Subject, most: usize) -> Option<SocketPlace> {
        let mut open = self.open();
        let count = open.entry(subject.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(SocketPlace { sockets: self.clone(), subject })
    }

    /// Returns a flag that becomes true when the server stops. The server waits until every copy of the flag is
    /// dropped.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// Tells every socket to close.
    pub(super) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Waits until all sockets are closed.
    pub(super) async fn closed(&self) {
        self.0.closing.closed().await;
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Subject, usize>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut open = self.sockets.open();
        if let Some(count) = open.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_subject_and_come_back() {
        let sockets = Sockets::default();
        let ada = || sockets.place(Subject::User(Uuid::nil()), 2);
        let (one, other) = (ada().unwrap(), ada().unwrap());
        assert!(ada().is_none());
        assert!(sockets.place(Subject::Address("192.0.2.1".to_owned()), 1).is_some());
        drop(one);
        assert!(ada().is_some());
        drop(other);
        assert!(sockets.open().is_empty());
    }
}
