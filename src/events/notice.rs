//! Notices that servers on the same PostgreSQL database send each other.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Events};

/// The number of events per notice, which keeps it below the 8,000 bytes that NOTIFY carries.
const AT_ONCE: usize = 40;

/// Events that one server sends to all others. A notice without events only shows that the server is alive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Notice {
    from: Uuid,
    events: Vec<Event>,
}

/// A notice that this version does not understand.
#[derive(Debug, thiserror::Error)]
#[error("another server's notice is not understood")]
pub struct MalformedNotice(#[source] serde_json::Error);

impl Events {
    /// Returns the texts that announce these events to the other servers.
    #[must_use]
    pub fn notices(&self, events: &[Event]) -> Vec<String> {
        events.chunks(AT_ONCE).map(|events| self.notice(events)).collect()
    }

    /// Returns a text that a server sends to check that it receives its own notices.
    #[must_use]
    pub fn sign_of_life(&self) -> String {
        self.notice(&[])
    }

    /// Publishes the events of another server, after calling `first` with them. Returns `true` for a notice
    /// of this server, whose events are already published.
    ///
    /// # Errors
    /// Returns [`MalformedNotice`] if the text is not understood.
    pub fn hear(&self, text: &str, first: impl FnOnce(&[Event])) -> Result<bool, MalformedNotice> {
        let notice: Notice = serde_json::from_str(text).map_err(MalformedNotice)?;
        let is_own = notice.from == self.0.server;
        if !is_own {
            first(&notice.events);
            self.publish(&notice.events);
        }
        Ok(is_own)
    }

    fn notice(&self, events: &[Event]) -> String {
        let notice = Notice { from: self.0.server, events: events.to_vec() };
        serde_json::to_string(&notice).expect("ids and times are JSON")
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::events::EventKind;

    #[tokio::test]
    async fn notices_fit_and_are_heard_by_others_alone() {
        let (one, other) = (Events::default(), Events::default());
        let [ada, here] = [Uuid::max(), Uuid::max()];
        let at = OffsetDateTime::from_unix_timestamp(4_000_000_000).unwrap();
        let event = Event { kind: EventKind::PasswordChanged, user_id: ada, session_id: Some(here), at };
        let notices = one.notices(&vec![event; 1000]);
        assert_eq!(notices.len(), 25);
        assert!(notices.iter().all(|text| text.len() < 8000), "{}", notices[0].len());
        let mut heard = other.listen(ada, here);
        assert!(!other.hear(&notices[0], |_| ()).unwrap());
        assert_eq!(heard.next().await, event);
        assert!(one.hear(&one.sign_of_life(), |_| ()).unwrap());
        for text in ["", "{}", "{\"from\":1}", "null"] {
            assert!(one.hear(text, |_| ()).is_err(), "{text}");
        }
    }
}
