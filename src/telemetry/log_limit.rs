//! A limit on how often the same record is logged. While the database is failing, every request fails for the same
//! reason, and one record per request would hide all other records and fill the disk.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The shortest time between two records.
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets at most one record a second through, and counts the others. Each kind of record has its own limit, in a
/// `static`.
#[derive(Debug)]
pub struct LogLimit(Mutex<State>);

#[derive(Debug)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// Creates a limit that lets the first record through.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "statics need a constant function")]
    pub const fn new() -> Self {
        Self(Mutex::new(State { last: None, left_out: 0 }))
    }

    /// Runs `log` if a record may be written now. The argument of `log` is the number of records that were left out
    /// since the last written record, or `None` if there were none.
    pub fn log(&self, log: impl FnOnce(Option<u64>)) {
        // the lock is not held while the record is written
        if let Some(left_out) = self.pass(Instant::now()) {
            log((left_out > 0).then_some(left_out));
        }
    }

    fn pass(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_a_second_passes_and_the_others_are_counted() {
        let limit = LogLimit::new();
        let start = Instant::now();
        let pass = |ms| limit.pass(start + Duration::from_millis(ms));
        assert_eq!([0, 10, 999, 1000, 1001, 5000].map(pass), [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
