//! The time of day, asked of one place so that tests can move it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;

/// The system's clock, in UTC, to the millisecond: what the database keeps.
///
/// Clones share their lead, so a test that moves one moves the server's.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds by which this clock is ahead of the system's.
    lead: Arc<AtomicI64>,
}

impl Clock {
    /// The time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
    pub fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        now + time::Duration::milliseconds(self.lead.load(Ordering::Relaxed))
    }

    /// How far it was moved forward.
    #[must_use]
    pub fn lead(&self) -> Duration {
        Duration::from_millis(self.lead.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Moves the clock forward, for tests of what expires.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.lead.fetch_add(by, Ordering::Relaxed);
    }
}
