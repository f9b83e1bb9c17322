//! Notices that servers on the same PostgreSQL database send each other.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, EventKind, Events, NoticeChannel, NoticeError, unannounced::Batch};

/// The maximum number of events per notice. With more, a notice could exceed the 8,000 bytes that NOTIFY carries.
const AT_ONCE: usize = 40;

/// Events that one server sends to all others. A notice without events only shows that the server is alive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Notice {
    from: Uuid,
    events: Vec<Event>,
    /// Events of kinds that version 0.1 does not know. That version ignores this field, but could not read such events
    /// in `events`.
    #[serde(default)]
    newer_events: Vec<Event>,
    /// Whether the sender dropped earlier events.
    #[serde(default)]
    is_incomplete: bool,
}

/// The content of a notice, apart from its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The server that sent the notice.
    pub from: Uuid,
    /// Whether this server sent the notice itself. Its events have already been published here.
    pub is_own: bool,
    /// Whether the sender dropped events. If so, this server must check for the events that it missed.
    pub is_incomplete: bool,
    /// Whether the notice carries nothing, and only shows that its sender is alive.
    pub is_sign_of_life: bool,
}

/// A notice that this version does not understand.
#[derive(Debug, thiserror::Error)]
#[error("another server's notice is not understood")]
pub struct MalformedNotice(#[source] serde_json::Error);

impl Events {
    /// Returns whether there are events that have not yet been sent to the other servers.
    #[must_use]
    pub fn has_unannounced(&self) -> bool {
        self.0.unannounced.first(1).is_some()
    }

    /// Waits until there is something to send to the other servers. Nothing is lost if the future is dropped.
    pub async fn unannounced(&self) {
        self.0.unannounced.wait().await;
    }

    /// Sends one notice with the waiting events, at most 40 of them. If that fails, they wait for the next notice. Returns
    /// `false` if there was nothing to send.
    pub async fn send_notice(&self, channel: &mut impl NoticeChannel) -> Result<bool, NoticeError> {
        let Some(batch) = self.0.unannounced.first(AT_ONCE) else { return Ok(false) };
        channel.send(&self.text(&batch)).await?;
        self.0.unannounced.remove(&batch);
        Ok(true)
    }

    /// Returns a notice without events, with which a server checks that it receives its own notices.
    #[must_use]
    pub fn sign_of_life(&self) -> String {
        self.text(&Batch::default())
    }

    /// Publishes the events of another server, after calling `first` with them.
    ///
    /// # Errors
    /// [`MalformedNotice`] if the text is not understood.
    pub fn hear(&self, text: &str, first: impl FnOnce(&[Event])) -> Result<Heard, MalformedNotice> {
        let notice: Notice = serde_json::from_str(text).map_err(MalformedNotice)?;
        let is_own = notice.from == self.0.server;
        if !is_own {
            first(&notice.events);
            self.publish(&notice.events);
            self.publish(&notice.newer_events);
        }
        let Notice { from, events, newer_events, is_incomplete } = notice;
        let is_sign_of_life = events.is_empty() && newer_events.is_empty() && !is_incomplete;
        Ok(Heard { from, is_own, is_incomplete, is_sign_of_life })
    }

    fn text(&self, batch: &Batch) -> String {
        let Batch { events, is_incomplete, .. } = batch.clone();
        let (newer_events, events) =
            events.into_iter().partition(|event| event.kind == EventKind::LoginLinkConfirmed);
        let notice = Notice { from: self.0.server, events, newer_events, is_incomplete };
        serde_json::to_string(&notice).expect("IDs and times are JSON")
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::events::EventKind;

    /// A channel that keeps the notices that were sent, or fails if the flag is set.
    #[derive(Default)]
    struct Sent(Vec<String>, bool);

    impl NoticeChannel for Sent {
        const DELIVERS: bool = true;

        async fn receive(&mut self) -> Result<String, NoticeError> {
            Err(NoticeError::Lost)
        }

        async fn send(&mut self, text: &str) -> Result<(), NoticeError> {
            if self.1 {
                return Err(NoticeError::Lost);
            }
            self.0.push(text.to_owned());
            Ok(())
        }
    }

    #[tokio::test]
    async fn notices_fit_and_are_heard_by_others_alone() {
        let (one, other, mut sent) = (Events::default(), Events::default(), Sent::default());
        let [ada, here] = [Uuid::max(), Uuid::max()];
        let at = OffsetDateTime::from_unix_timestamp(4_000_000_000).unwrap();
        let event = Event { kind: EventKind::PasswordChanged, user_id: ada, session_id: Some(here), at };
        one.announce(&vec![event; 1000]);
        sent.1 = true;
        assert!(one.send_notice(&mut sent).await.is_err());
        sent.1 = false;
        while one.send_notice(&mut sent).await.unwrap() {}
        assert_eq!(sent.0.len(), 25, "what could not be sent was sent again");
        assert!(sent.0.iter().all(|text| text.len() < 8000), "{}", sent.0[0].len());
        let mut heard = other.listen(ada, here);
        let Heard { is_own, is_incomplete, .. } = other.hear(&sent.0[0], |_| ()).unwrap();
        assert_eq!((is_own, is_incomplete), (false, false));
        assert_eq!(heard.next().await, event);
        let confirmed = Event { kind: EventKind::LoginLinkConfirmed, session_id: None, ..event };
        let mut waiting = other.listen_for_confirmation(ada, 1).unwrap();
        assert!(other.listen_for_confirmation(ada, 1).is_none());
        one.announce(&[confirmed]);
        assert!(one.send_notice(&mut sent).await.unwrap());
        let of_newer = serde_json::from_str::<serde_json::Value>(&sent.0[25]).unwrap();
        assert_eq!(of_newer["events"], serde_json::json!([]), "version 0.1 can read it");
        assert!(!other.hear(&sent.0[25], |_| ()).unwrap().is_sign_of_life);
        assert_eq!(waiting.next().await, confirmed);
        let Heard { is_own, is_sign_of_life, .. } = one.hear(&one.sign_of_life(), |_| ()).unwrap();
        assert_eq!((is_own, is_sign_of_life), (true, true));
        for text in ["", "{}", "{\"from\":1}", "null"] {
            assert!(one.hear(text, |_| ()).is_err(), "{text}");
        }
    }
}
