//! The settings of metrics and logs.

use std::net::SocketAddr;

use url::Url;

use super::{
    reader::Reader,
    values::{one_of, optional, switch, text},
};

/// How operators monitor the server.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct MonitoringConfig {
    /// The address at which Prometheus reads the metrics. `None` if no metrics are served.
    pub metrics_addr: Option<SocketAddr>,
    pub log_format: LogFormat,
    /// `RUST_LOG`.
    pub log_filter: String,
    pub access_log: bool,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`. `None` if no traces are sent.
    pub otlp_endpoint: Option<Url>,
    pub readiness: Readiness,
}

/// What `/health/ready` reports to a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Whether the server can serve every request: it is not shutting down, and its database accepts writes.
    Database,
    /// Only whether the server is shutting down. It stays ready during a database outage, so that clients still reach
    /// it and get its errors.
    Leaving,
}

/// The format of log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people to read.
    Text,
    /// One JSON object per line.
    Json,
}

impl MonitoringConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section("Metrics and logs", "");
        Self {
            metrics_addr: r.setting(
                "METRICS_ADDR",
                "",
                "The address and port at which Prometheus reads `/metrics`, like `127.0.0.1:9090`. Without it, nothing is \
                 measured. See [Metrics and logs](metrics.md).",
                |s| optional(s, socket_addr),
            ),
            log_format: r.setting(
                "LOG_FORMAT",
                "text",
                "The format of log records: `text` for people, `json` for programs.",
                |s| one_of(s, &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            ),
            log_filter: r.setting(
                "RUST_LOG",
                "info,sea_orm_migration=warn,sqlx::postgres::notice=error",
                "[Which log records](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html) \
                 are written.",
                text,
            ),
            access_log: r.setting(
                "ACCESS_LOG",
                "off",
                "Whether the log has a record for each request: the operation, its outcome, the time it took, the client's \
                 address and the user's ID. See [Metrics and logs](metrics.md#the-access-log).",
                switch,
            ),
            otlp_endpoint: r.setting(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "",
                "The OpenTelemetry collector to send traces to, like `http://127.0.0.1:4318`. See \
                 [Traces](metrics.md#traces).",
                |s| optional(s, collector),
            ),
            readiness: r.setting(
                "READINESS",
                "database",
                "When `/health/ready` returns 503: with `database`, while the server shuts down or the database does \
                 not accept writes; with `leaving`, only while the server shuts down. See [Health \
                 checks](operating.md#what-runs).",
                |s| one_of(s, &[("database", Readiness::Database), ("leaving", Readiness::Leaving)]),
            ),
        }
    }
}

fn collector(s: &str) -> Result<Url, String> {
    let url = Url::parse(s).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
    url.ok_or_else(|| "must be an address that begins with http:// or https://".to_owned())
}

fn socket_addr(s: &str) -> Result<SocketAddr, String> {
    s.parse().map_err(|_| "must be an address and a port, like 127.0.0.1:9090".to_owned())
}
