//! The access log: one record for each request.

use std::{net::IpAddr, time::Instant};

use poem::{Request, http::Method};

use super::client::address;
use crate::{config::Config, telemetry};

/// The outcome that is logged for a request whose client disconnected before the response.
const DISCONNECTED: &str = "DISCONNECTED";

/// The record of a request. Dropping this value writes the record, even if the client has disconnected by then.
pub(super) struct AccessRecord {
    method: Method,
    path: String,
    address: Option<IpAddr>,
    begun: Instant,
    status: Option<u16>,
}

impl AccessRecord {
    /// Begins the record of a request. Returns `None` if the access log is off.
    pub(super) fn begin(request: &Request, config: &Config) -> Option<Self> {
        config.monitoring.access_log.then(|| Self {
            method: request.method().clone(),
            // without the query, which may contain variables
            path: request.uri().path().to_owned(),
            address: address(request, &config.server.trusted_proxies),
            begun: Instant::now(),
            status: None,
        })
    }

    /// Writes the record of a request that has a response.
    pub(super) fn end(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        let notes = telemetry::notes();
        let without = if self.status.is_some() { "OK" } else { DISCONNECTED };
        let outcome = self.status.and(notes.outcome.as_deref()).unwrap_or(without);
        tracing::info!(
            target: "access",
            method = %self.method,
            path = self.path,
            status = self.status,
            operation = notes.operation,
            outcome,
            ms = (self.begun.elapsed().as_secs_f64() * 1e4).round() / 10.0,
            address = self.address.map(tracing::field::display),
            user.id = notes.user_id.map(tracing::field::display),
            "request"
        );
    }
}
