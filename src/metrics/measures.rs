//! The kinds of measurements. Clones of a measurement share its value, so a service can keep a measurement and hand a
//! clone to the registry.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};

/// The upper bounds of the histogram's buckets, in seconds. They range from the duration of a cached response to the
/// time limit of operations.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A histogram of how long something took.
#[derive(Clone, Debug)]
pub struct Durations(pub(super) Histogram);

/// How often something happened, counted separately for each value of a label.
#[derive(Clone, Debug)]
pub struct Counts {
    label: &'static str,
    pub(super) family: Family<[(&'static str, String); 1], Counter>,
}

/// The number of things that are open.
#[derive(Clone, Debug, Default)]
pub struct OpenCount(pub(super) Gauge);

/// Something that is counted as open until this value is dropped.
#[derive(Debug)]
pub struct Open(Gauge);

impl Default for Durations {
    fn default() -> Self {
        Self(Histogram::new(SECONDS))
    }
}

impl Durations {
    /// Records a duration.
    pub fn observe(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }
}

impl Counts {
    /// Creates counts for the values of this label.
    #[must_use]
    pub fn by(label: &'static str) -> Self {
        Self { label, family: Family::default() }
    }

    /// Adds one to the count for this value of the label. The value must come from a small set, because each count is kept forever.
    pub fn add(&self, value: &str) {
        self.family.get_or_create(&[(self.label, value.to_owned())]).inc();
    }
}

impl OpenCount {
    /// Counts one more thing as open until the returned value is dropped.
    #[must_use]
    pub fn open(&self) -> Open {
        self.0.inc();
        Open(self.0.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
