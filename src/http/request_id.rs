//! Gives every request an ID, which appears in the response and in every log record about the request.

use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderMap, HeaderValue, Method, StatusCode},
};

use super::{access_log::AccessRecord, answer, client::is_by_proxy, health::LEAVING, media};
use crate::{
    app::App,
    clock::Clock,
    secrets,
    telemetry::{
        self, LogLimit, RequestIds,
        traces::{Trace, request_span},
    },
};

/// The header with the ID.
pub(super) const HEADER: &str = "x-request-id";

/// The header with the trace that a request is part of (<https://www.w3.org/TR/trace-context/>).
const TRACE_HEADER: &str = "traceparent";

/// The maximum length of an ID from a proxy. There is a limit because every log record of the request repeats the ID.
const MAX_ID: usize = 128;

/// The maximum number of characters of a path in a trace. There is a limit because thousands of traces may be waiting
/// for a slow collector.
const MAX_SPAN_PATH: usize = 256;

static FAILED_LIMIT: LogLimit = LogLimit::new();

/// Gives each request an ID, logs and counts requests, and converts the framework's errors to the usual format.
pub(super) struct RequestId {
    pub(super) clock: Clock,
    /// `None` in tests of single endpoints.
    pub(super) app: Option<Arc<App>>,
}

impl RequestId {
    pub(super) fn new(app: &Arc<App>) -> Self {
        Self { clock: app.clock.clone(), app: Some(app.clone()) }
    }
}

impl<E: Endpoint> Middleware<E> for RequestId {
    type Output = Named<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Named { inner, clock: self.clock.clone(), app: self.app.clone() }
    }
}

pub(super) struct Named<E> {
    inner: E,
    clock: Clock,
    app: Option<Arc<App>>,
}

impl<E> Named<E> {
    /// Returns the IDs that a trusted proxy has given to the request, or else new IDs. IDs from anybody else are
    /// ignored. Otherwise, a client could send the ID of another request to hide among that request's records.
    fn ids(&self, request: &Request) -> RequestIds {
        let proxies = self.app.as_ref().map(|app| app.config.server.trusted_proxies.as_slice());
        let is_by_proxy = proxies.is_some_and(|proxies| is_by_proxy(request, proxies));
        let headers = Some(request.headers()).filter(|_| is_by_proxy);
        let id = headers.and_then(given_id).map(str::to_owned);
        RequestIds {
            id: id.unwrap_or_else(|| secrets::guessable_uuid_v7(self.clock.now()).to_string()),
            trace: headers.and_then(given_trace).or_else(Trace::begin),
        }
    }

    fn note_failure(&self, status: StatusCode, log: impl FnOnce(Option<u64>)) {
        let cause = telemetry::notes().cause.unwrap_or("other");
        if cause == LEAVING {
            // not a failure: the server was asked to leave
            return;
        }
        if let Some(app) = &self.app {
            app.metrics.http_errors.add(cause);
        }
        // while the server is overloaded or the database is unavailable, every request fails, so not every failure is
        // logged
        if status == StatusCode::SERVICE_UNAVAILABLE { FAILED_LIMIT.log(log) } else { log(None) }
    }
}

/// Returns the name of a method in a trace. Clients can invent methods, so unknown methods become `_OTHER`, as
/// OpenTelemetry prescribes.
fn span_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "POST" => "POST",
        _ => "_OTHER",
    }
}

impl<E: Endpoint> Endpoint for Named<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let ids = self.ids(&request);
        let id = ids.id.clone();
        let prefers_html = media::prefers_html(request.headers());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (request_method, request_path) =
            (span_method(&method), path.chars().take(MAX_SPAN_PATH).collect());
        let record = self.app.as_ref().and_then(|app| AccessRecord::begin(&request, &app.config));
        // boxed, because this future is large, and each layer around it would move it
        let answer = Box::pin(async {
            let record = record;
            let answer = match self.inner.call(request).await {
                Ok(answer) => answer.into_response(),
                Err(error) => answer::refused(&error, prefers_html),
            };
            let status = answer.status().as_u16();
            telemetry::note(|notes| notes.status = Some(status));
            if answer.status() >= StatusCode::INTERNAL_SERVER_ERROR {
                self.note_failure(answer.status(), |left_out| {
                    tracing::warn!(%method, path, status, left_out, "a request failed");
                });
            }
            if let Some(record) = record {
                record.end(status);
            } else {
                tracing::debug!(%method, path, status, "a request was answered");
            }
            answer
        });
        let answer = request_span(ids.trace, request_method, request_path, answer);
        let mut answer = telemetry::in_request(ids, answer).await;
        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(HEADER, id);
        }
        Ok(answer)
    }
}

/// Returns the ID that a proxy has given to a request. Returns `None` if it is missing, too long or not one word.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(HEADER)?.to_str().ok()?;
    let is_good = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.:=+/@".contains(&letter);
    ((1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_good)).then_some(id)
}

fn given_trace(headers: &HeaderMap) -> Option<Trace> {
    Trace::parse(headers.get(TRACE_HEADER)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    #[test]
    fn ids_of_proxies_are_single_words() {
        for id in ["5f0c", "0199a1f2-7c3e-7b1a-8d2e-000000000001", "Root=1-67891233-abcdef", &"x".repeat(128)]
        {
            assert_eq!(given_id(&with(HEADER, id)), Some(id));
        }
        for id in ["", "two words", "a\tb", "\"", "é", "a;b", &"x".repeat(129)] {
            assert_eq!(given_id(&with(HEADER, id)), None, "{id}");
        }
    }
}
