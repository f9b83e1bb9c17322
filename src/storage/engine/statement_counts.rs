//! How many statements the database was sent, and how long it took over them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Statements of all connections. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// Statements since the start, but for those that begin and end transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatementCounts {
    /// How many.
    pub count: u64,
    /// How long they took, all together.
    pub time: Duration,
}

impl Statements {
    pub(crate) fn counts(&self) -> StatementCounts {
        let Count { count, nanoseconds } = &*self.0;
        let time = Duration::from_nanos(nanoseconds.load(Ordering::Relaxed));
        StatementCounts { count: count.load(Ordering::Relaxed), time }
    }

    pub(crate) fn add(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or_default();
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}
