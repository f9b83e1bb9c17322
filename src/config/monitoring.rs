//! The settings of metrics and logs.

use std::net::SocketAddr;

use super::{
    reader::Reader,
    values::{one_of, optional, text},
};

/// How operators monitor the server.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, and `read` says what that means")]
pub struct MonitoringConfig {
    /// `None` if no metrics are served.
    pub metrics_addr: Option<SocketAddr>,
    pub log_format: LogFormat,
    /// `RUST_LOG`.
    pub log_filter: String,
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
                "The form of log records: `text` for people, `json` for programs.",
                |s| one_of(s, &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            ),
            log_filter: r.setting(
                "RUST_LOG",
                "info,sea_orm_migration=warn",
                "[Which log records](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html) \
                 are written.",
                text,
            ),
        }
    }
}

fn socket_addr(s: &str) -> Result<SocketAddr, String> {
    s.parse().map_err(|_| "must be an address and a port, like 127.0.0.1:9090".to_owned())
}
