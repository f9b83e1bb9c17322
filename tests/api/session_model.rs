//! The model that `session_machine` compares the server with: possible acts, and the state of a session.

use std::{ops::Range, time::Duration};

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::SignedIn;

pub(crate) const OTHER_PASSWORD: &str = "battery horse correct";
pub(crate) const GRACE: Duration = Duration::from_mins(1);

pub(crate) const ACCESS: Duration = Duration::from_mins(30);
pub(crate) const REFRESH: Duration = Duration::from_hours(24);

const MAX_AGE: Duration = Duration::from_hours(48);

/// Client addresses and user agents. Entries with the same number count as the same client.
pub(crate) const CLIENTS: [(&str, &str, u8); 4] = [
    ("198.51.100.7", "a browser", 0),
    ("198.51.100.99", "a browser", 0),
    ("203.0.113.7", "a browser", 1),
    ("198.51.100.7", "a script", 2),
];

/// No sum of these is close to a time limit, so the duration of the test itself does not matter.
pub(crate) const WAITS: [Duration; 9] = [
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(44),
    Duration::from_hours(20),
    Duration::from_hours(25),
];

/// An act. An index selects one of the current sessions, one of the pairs of a session, or a client.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Login,
    /// Refreshes with the newest refresh token.
    Refresh(Index, Index),
    /// Refreshes with a refresh token that is older by this number.
    Replay(Index, usize, Index),
    /// Refreshes with the refresh token for which the newest pair was issued.
    Repeat(Index, Index),
    /// Uses an access token: the newest, or any.
    Use(Index, Option<Index>),
    Logout(Index),
    LogoutAll(Index),
    Reset,
    Wait(Index),
    Restart,
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let any = any::<Index>;
    let act = prop_oneof![
        3 => Just(Act::Login),
        8 => (any(), any()).prop_map(|(session, client)| Act::Refresh(session, client)),
        2 => (any(), prop_oneof![4 => Just(1), 1 => Just(2), 1 => 3_usize..9], any())
            .prop_map(|(session, older, client)| Act::Replay(session, older, client)),
        8 => (any(), any()).prop_map(|(session, client)| Act::Repeat(session, client)),
        6 => (any(), proptest::option::weighted(0.3, any())).prop_map(|(session, pair)| Act::Use(session, pair)),
        1 => any().prop_map(Act::Logout),
        1 => any().prop_map(Act::LogoutAll),
        1 => Just(Act::Reset),
        10 => any().prop_map(Act::Wait),
        1 => Just(Act::Restart),
    ];
    vec(act, 1..50)
}

/// The expected state of a session, and every pair of tokens issued for it: the pair at index `n` has counter `n`.
pub(crate) struct Session {
    pub(crate) pairs: Vec<(SignedIn, Duration)>,
    /// The highest counter whose access token was used.
    pub(crate) seen: usize,
    /// The counter of the token for which the newest pair was issued.
    pub(crate) base: Option<usize>,
    /// The counters of the pairs that were replaced by siblings.
    pub(crate) void: Range<usize>,
    /// The client that received the newest pair.
    pub(crate) client: u8,
    pub(crate) rotated_at: Duration,
    pub(crate) expires_at: Duration,
    pub(crate) max_expires_at: Duration,
    pub(crate) is_over: bool,
}

impl Session {
    pub(crate) fn begin(pair: SignedIn, now: Duration) -> Self {
        let (expires_at, max_expires_at) = (now + REFRESH, now + MAX_AGE);
        Self {
            pairs: vec![(pair, now)],
            seen: 0,
            base: None,
            void: 0..0,
            client: 0,
            rotated_at: now,
            expires_at,
            max_expires_at,
            is_over: false,
        }
    }

    pub(crate) fn is_live(&self, now: Duration) -> bool {
        !self.is_over && now < self.expires_at
    }

    /// Returns the newest counter.
    pub(crate) fn counter(&self) -> usize {
        self.pairs.len() - 1
    }
}

/// The expected result of a refresh.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// The next pair, which is new.
    Next,
    /// The newest pair again.
    Same,
    /// A new pair that replaces the newest.
    Sibling,
    Refused,
}
