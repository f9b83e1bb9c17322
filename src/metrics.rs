//! What the server did, counted for Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::{fmt, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::Registry,
};

/// All names begin with it.
const PREFIX: &str = "gatehouse";

/// Upper bounds of latencies, in seconds: from what memory answers to the longest that an operation may take.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts of what happens.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Operation, Histogram, Buckets>,
    /// Charges that the limiter let pass.
    pub charges_permitted: Counter,
    /// Charges that it refused.
    pub charges_refused: Counter,
}

/// Something that is read when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Its name, without the prefix.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// How much.
    pub value: f64,
    /// Whether it only ever grows.
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

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let seconds = Family::new_with_constructor(Buckets);
        let (charges_permitted, charges_refused) = (Counter::default(), Counter::default());
        registry.register("requests", "Operations, by root field and by what came of them", requests.clone());
        registry.register("request_seconds", "Time that operations took, by root field", seconds.clone());
        registry.register(
            "limiter_permitted",
            "Charges that the limiter let pass",
            charges_permitted.clone(),
        );
        registry.register("limiter_refused", "Charges that the limiter refused", charges_refused.clone());
        Self { registry, requests, seconds, charges_permitted, charges_refused }
    }
}

impl Metrics {
    /// Counts an operation. Both words must come from a small set, for each pair is kept for ever.
    pub fn observe(&self, operation: &str, outcome: &str, time: Duration) {
        let labels = Labels { operation: operation.to_owned(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&Operation { operation: labels.operation }).observe(time.as_secs_f64());
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// None that a text could have.
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
