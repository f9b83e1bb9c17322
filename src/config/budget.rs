//! Budgets: how often something may be done.

use std::time::Duration;

use super::{
    reader::Reader,
    values::{DAY, SECOND, duration, within},
};

/// A limit on how often something may be done. All uses can be spent in one burst. They come back at an even rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The name of its setting.
    pub setting: &'static str,
    /// The number of uses per `period`.
    pub count: u32,
    /// The time in which a fully spent budget refills.
    pub period: Duration,
}

impl Budget {
    /// Returns the time in which one use comes back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.period / self.count
    }
}

/// Reads a budget such as `10/15m`: ten times in fifteen minutes.
pub(super) fn budget(
    r: &mut Reader<'_>,
    setting: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Budget {
    r.setting(setting, default, meaning, |s| {
        let malformed = || "must be a count and a period, like `10/15m`".to_owned();
        let (count, period) = s.split_once('/').ok_or_else(malformed)?;
        let count = within(count.trim(), 1..=100_000)?;
        let period = duration(period.trim(), SECOND..=30 * DAY)?;
        if u128::from(count) > period.as_millis() {
            return Err("must be at most 1000 a second".to_owned());
        }
        Ok(Budget { setting, count, period })
    })
}
