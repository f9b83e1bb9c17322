//! The sending rate. A mail server accepts only a limited number of emails at a time. Emails above the rate wait, and none
//! are refused.

use std::time::{Duration, Instant};

use crate::config::Budget;

/// A rate limit in memory. Like the limits in `rate_limit`, it stores a single instant: the time at which the whole budget
/// will be available again.
#[derive(Debug)]
pub(super) struct Pace {
    cost: Duration,
    window: Duration,
    idle_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: Budget) -> Self {
        let cost = rate.interval();
        Self { cost, window: cost * rate.count, idle_at: None }
    }

    /// Returns how many emails may be sent now, at most `most`.
    pub(super) fn room(&self, most: usize, now: Instant) -> usize {
        let left = self.window.saturating_sub(self.used(now)).as_nanos() / self.cost.as_nanos().max(1);
        usize::try_from(left).unwrap_or(most).min(most)
    }

    pub(super) fn charge(&mut self, mails: usize, now: Instant) {
        let mails = u32::try_from(mails).unwrap_or(u32::MAX);
        self.idle_at = Some(now + self.used(now) + self.cost.saturating_mul(mails));
    }

    /// Returns the time until one email may be sent.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        (self.used(now) + self.cost).saturating_sub(self.window)
    }

    fn used(&self, now: Instant) -> Duration {
        self.idle_at.map_or(Duration::ZERO, |idle_at| idle_at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_had_at_once_and_comes_back_one_by_one() {
        let mut pace = Pace::new(Budget { setting: "MAIL_RATE", count: 10, period: Duration::from_secs(1) });
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        assert_eq!((pace.room(4, now), pace.room(99, now)), (4, 10));
        pace.charge(10, now);
        assert_eq!((pace.room(4, now), pace.wait(now)), (0, Duration::from_millis(100)));
        assert_eq!((pace.room(4, at(99)), pace.wait(at(99))), (0, Duration::from_millis(1)));
        assert_eq!((pace.room(4, at(100)), pace.wait(at(100))), (1, Duration::ZERO));
        assert_eq!(pace.room(4, at(250)), 2);
        pace.charge(2, at(250));
        assert_eq!(pace.room(4, at(299)), 0);
        assert_eq!(pace.room(99, at(9000)), 10, "idleness is no credit");
    }
}
