//! Counters for Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::{fmt, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};

/// The prefix of all names.
const PREFIX: &str = "gatehouse";

/// The upper bounds of latencies in seconds, from responses out of the cache to the time limit of operations.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Operation, Histogram, Buckets>,
    /// Rate limit charges that were permitted.
    pub charges_permitted: Counter,
    /// Rate limit charges that were refused.
    pub charges_refused: Counter,
}

/// A value that is read on request.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The name without the prefix.
    pub name: &'static str,
    /// The description.
    pub help: &'static str,
    /// The value.
    pub value: f64,
    /// Whether the value never decreases.
    pub is_total: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: String,
}

#[derive(Clone, Debug)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

impl Metrics {
    /// Starts counting. `argon2_library` names the library that computes password hashes.
    #[must_use]
    pub fn new(argon2_library: &'static str) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let seconds = Family::new_with_constructor(Buckets);
        let (charges_permitted, charges_refused) = (Counter::default(), Counter::default());
        registry.register("requests", "Operations by root field and outcome", requests.clone());
        registry.register("request_seconds", "Duration of operations by root field", seconds.clone());
        registry.register("limiter_permitted", "Rate limit charges permitted", charges_permitted.clone());
        registry.register("limiter_refused", "Rate limit charges refused", charges_refused.clone());
        registry.register(
            "argon2",
            "Library that computes password hashes",
            Info::new([("library", argon2_library)]),
        );
        Self { registry, requests, seconds, charges_permitted, charges_refused }
    }

    /// Counts an operation. Both strings must come from a small set, because each pair is kept forever.
    pub fn observe(&self, operation: &str, outcome: &str, time: Duration) {
        let labels = Labels { operation: operation.to_owned(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&Operation { operation: labels.operation }).observe(time.as_secs_f64());
    }

    /// Returns the metrics in Prometheus's text format.
    pub fn render(&self, readings: &[Reading]) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        let mut read = Registry::with_prefix(PREFIX);
        for reading in readings {
            if reading.is_total {
                let counter = Counter::<f64, AtomicU64>::default();
                counter.inc_by(reading.value);
                read.register(reading.name, reading.help, counter);
            } else {
                let gauge = Gauge::<f64, AtomicU64>::default();
                gauge.set(reading.value);
                read.register(reading.name, reading.help, gauge);
            }
        }
        text::encode(&mut text, &read)?;
        Ok(text)
    }
}
