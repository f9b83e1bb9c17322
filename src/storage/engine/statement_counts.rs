//! The number of statements that the database ran, their total time, and their waits for a connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::metrics::Durations;

/// Counts the statements of all connections. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatementCounter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    count: AtomicU64,
    nanoseconds: AtomicU64,
    waits: Durations,
}

/// Measures a wait for a connection. The wait ends when this value is dropped, which also happens if the caller gives
/// up.
pub(crate) struct Wait {
    begun: Instant,
    waits: Durations,
}

/// The number and total time of the statements since the server started, not counting those that begin and end
/// transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatementCounts {
    /// The number of statements.
    pub count: u64,
    /// The total time that they took.
    pub time: Duration,
}

impl StatementCounter {
    pub(crate) fn counts(&self) -> StatementCounts {
        let Counts { count, nanoseconds, .. } = &*self.0;
        let time = Duration::from_nanos(nanoseconds.load(Ordering::Relaxed));
        StatementCounts { count: count.load(Ordering::Relaxed), time }
    }

    /// Returns how long statements waited for a connection.
    pub(crate) fn waits(&self) -> Durations {
        self.0.waits.clone()
    }

    pub(crate) fn begin_wait(&self) -> Wait {
        Wait { begun: Instant::now(), waits: self.waits() }
    }

    pub(crate) fn add(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or_default();
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waits.observe(self.begun.elapsed());
    }
}
