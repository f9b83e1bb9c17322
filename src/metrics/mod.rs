//! Metrics for Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64},
    time::Duration,
};

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

use crate::telemetry::{COMMIT, VERSION};

mod measures;
pub mod process;

pub use measures::{Counts, Durations, Open, OpenCount};

/// The prefix of the names of all metrics except those of the process.
const PREFIX: &str = "gatehouse";
const PROCESS_PREFIX: &str = "process";

/// The metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Operation, Histogram, Buckets>,
    /// Rate limit charges that were permitted.
    pub charges_permitted: Counter,
    /// Rate limit charges that were refused.
    pub charges_refused: Counter,
    /// Refusals, counted by the setting that caused them.
    pub refusals: Counts,
    /// Results that the client's document did not select, counted by the member of the union.
    pub unhandled_results: Counts,
    /// Responses with a 5xx status, counted by cause.
    pub http_errors: Counts,
    /// Open connections to the HTTP server.
    pub http_connections: OpenCount,
    /// Open WebSockets.
    pub websockets: OpenCount,
    /// Whether notices from other servers arrive.
    pub hears_events: AtomicBool,
    /// When a sweep last deleted expired rows, in seconds since 1970. Zero before the first sweep.
    pub last_sweep: AtomicI64,
    /// The number of stored secrets that need a key other than the current `SECRET_KEY`. Negative if the number is not
    /// known yet.
    pub secrets_under_other_keys: AtomicI64,
}

/// The measurements of the services, and the library that hashes passwords.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The library that computes password hashes.
    pub argon2_library: &'static str,
    /// How long statements waited for a connection to the database.
    pub pool_waits: Durations,
    /// How long password hashes waited for their turn.
    pub hash_waits: Durations,
    /// Refusals, counted by the setting that caused them.
    pub refusals: Counts,
}

/// A value that is read each time the metrics are requested.
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
        Durations::default().0
    }
}

impl Metrics {
    /// Creates the metrics and registers them under their names.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let Sources { argon2_library, pool_waits, hash_waits, refusals } = sources;
        let mut registry = Registry::with_prefix(PREFIX);
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(Buckets),
            charges_permitted: Counter::default(),
            charges_refused: Counter::default(),
            refusals,
            unhandled_results: Counts::by("member"),
            http_errors: Counts::by("cause"),
            http_connections: OpenCount::default(),
            websockets: OpenCount::default(),
            hears_events: AtomicBool::default(),
            last_sweep: AtomicI64::default(),
            secrets_under_other_keys: AtomicI64::new(-1),
            registry: Registry::default(),
        };
        let build = Info::new([("version", VERSION), ("commit", COMMIT)]);
        registry.register("build", "Version of the program", build);
        registry.register("requests", "Operations by root field and outcome", metrics.requests.clone());
        registry.register("request_seconds", "Duration of operations by root field", metrics.seconds.clone());
        registry.register(
            "unhandled_results",
            "Results that the client's document did not select, by the member of the union",
            metrics.unhandled_results.family.clone(),
        );
        registry.register(
            "http_errors",
            "Responses with status 5xx by cause",
            metrics.http_errors.family.clone(),
        );
        registry.register("http_connections", "Open connections", metrics.http_connections.0.clone());
        registry.register("websockets", "Open WebSockets", metrics.websockets.0.clone());
        registry.register(
            "limiter_permitted",
            "Rate limit charges permitted",
            metrics.charges_permitted.clone(),
        );
        registry.register("limiter_refused", "Rate limit charges refused", metrics.charges_refused.clone());
        registry.register("refusals", "Refusals by the setting behind them", metrics.refusals.family.clone());
        registry.register("database_pool_wait_seconds", "Wait for a database connection", pool_waits.0);
        registry.register("hash_wait_seconds", "Wait of password hashes for their turn", hash_waits.0);
        let library = Info::new([("library", argon2_library)]);
        registry.register("argon2", "Library that computes password hashes", library);
        Self { registry, ..metrics }
    }

    /// Counts an operation. Both strings must come from a small set, because each pair is kept forever.
    pub fn observe(&self, operation: &str, outcome: &str, time: Duration) {
        let labels = Labels { operation: operation.to_owned(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&Operation { operation: labels.operation }).observe(time.as_secs_f64());
    }

    /// Counts a rate limit charge that was refused because of this setting.
    pub fn refuse_charge(&self, setting: &str) {
        self.charges_refused.inc();
        self.refusals.add(setting);
    }

    /// Returns the metrics in Prometheus's text format.
    pub fn render(&self, readings: &[Reading], of_process: &[Reading]) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        text::encode_registry(&mut text, &registry_of(PREFIX, readings))?;
        text::encode(&mut text, &registry_of(PROCESS_PREFIX, of_process))?;
        Ok(text)
    }
}

fn registry_of(prefix: &str, readings: &[Reading]) -> Registry {
    let mut registry = Registry::with_prefix(prefix);
    for reading in readings {
        if reading.is_total {
            let counter = Counter::<f64, AtomicU64>::default();
            counter.inc_by(reading.value);
            registry.register(reading.name, reading.help, counter);
        } else {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(reading.value);
            registry.register(reading.name, reading.help, gauge);
        }
    }
    registry
}
