//! The clock: the only source of time, which tests can move forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;

/// The system's clock in UTC, rounded down to milliseconds, the precision that the database stores.
///
/// All clones move together, so a test that moves its clone also moves the server's clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds by which this clock is ahead of the system's.
    lead: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system's clock")]
    pub fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
        now + time::Duration::milliseconds(self.lead.load(Ordering::Relaxed))
    }

    /// Returns how far the clock was moved forward.
    #[must_use]
    pub fn lead(&self) -> Duration {
        Duration::from_millis(self.lead.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Moves the clock forward, to test expiry.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.lead.fetch_add(by, Ordering::Relaxed);
    }
}
