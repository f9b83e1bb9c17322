//! The log: what is written, how, and about which request.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing::Instrument;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, LogFormat};

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Starts the log of this process, on standard error; a second start changes nothing.
///
/// # Errors
/// If `RUST_LOG` is not a filter.
pub fn start(config: &Config) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(&config.log_filter)?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match config.log_format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // a panic is a record like others, so that it stands under the id of the request that it ended
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a defect")));
    Ok(())
}

/// Does what belongs to one request under its id: every record says it.
pub async fn in_request<T>(id: String, work: impl Future<Output = T>) -> T {
    // of the highest level, so that no filter leaves a record without it
    let span = tracing::error_span!("request", id);
    REQUEST_ID.scope(id, work.instrument(span)).await
}

/// The id of the request that this is done for, for answers that refer to the log.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}
