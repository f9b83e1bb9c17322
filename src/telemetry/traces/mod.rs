//! Traces for OpenTelemetry: how long the parts of a request took.
//!
//! A span is measured around a future, and the spans of the futures within it are its children. Finished spans are sent
//! to a collector in the background. The protocol is small enough to implement here: OpenTelemetry's own crates would
//! bring a second logging framework, an RPC library and a thread.

mod context;
mod export;
mod finished_span;
mod protobuf;

use std::time::Instant;

use futures_util::{FutureExt, future::Either};

pub use context::Trace;
pub(super) use export::start;
pub use export::{flush, is_on};
use finished_span::{FinishedSpan, SpanKind};

use super::request::{notes, request_id};
use crate::secrets;

tokio::task_local! {
    /// The span that this task is in. Unset if the trace is not recorded.
    static CURRENT: Current;
}

#[derive(Clone, Copy)]
struct Current {
    trace_id: [u8; 16],
    span_id: [u8; 8],
}

/// A span that is finished when it is dropped, even if its future did not complete.
struct OpenSpan {
    current: Current,
    parent: Option<[u8; 8]>,
    begun: Instant,
    what: What,
}

enum What {
    /// A request, with its method and its path. The rest is in the notes on the request.
    Request(&'static str, String),
    Part(&'static str),
}

/// Runs a future in the root span of a request in this trace.
pub fn request_span<T>(
    trace: Option<Trace>,
    method: &'static str,
    path: String,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let trace = trace.filter(|trace| is_on() && trace.is_sampled);
    let what = What::Request(method, path);
    in_span(trace.map(|trace| OpenSpan::new(trace.id, trace.parent, what)), work)
}

/// Runs a future in a new span within the current span.
pub fn span<T>(name: &'static str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let within = |current: &Current| OpenSpan::new(current.trace_id, Some(current.span_id), What::Part(name));
    in_span(CURRENT.try_with(within).ok(), work)
}

// not an asynchronous function, because its future would be twice as large as the future of the work
fn in_span<T>(span: Option<OpenSpan>, work: impl Future<Output = T>) -> impl Future<Output = T> {
    match span {
        None => Either::Left(work),
        Some(span) => {
            let work = CURRENT.scope(span.current, work);
            Either::Right(work.map(move |result| {
                drop(span);
                result
            }))
        }
    }
}

impl OpenSpan {
    fn new(trace_id: [u8; 16], parent: Option<[u8; 8]>, what: What) -> Self {
        let current = Current { trace_id, span_id: secrets::random() };
        Self { current, parent, begun: Instant::now(), what }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        let mut span = FinishedSpan {
            trace_id: self.current.trace_id,
            span_id: self.current.span_id,
            parent: self.parent,
            name: String::new(),
            kind: SpanKind::Internal,
            begun: self.begun,
            ended: Instant::now(),
            attributes: Vec::new(),
            has_failed: false,
        };
        match &self.what {
            What::Part(name) => (*name).clone_into(&mut span.name),
            What::Request(method, path) => {
                let notes = notes();
                span.kind = SpanKind::Server;
                // not the path, because span names should have few distinct values
                span.name = notes.operation.unwrap_or_else(|| method.to_string());
                span.has_failed = notes.status.is_some_and(|status| status >= 500);
                let status = notes.status.map(|status| status.to_string());
                let attributes = [
                    ("http.request.method", Some(method.to_string())),
                    ("url.path", Some(path.clone())),
                    ("http.response.status_code", status),
                    ("gatehouse.outcome", notes.outcome),
                    ("gatehouse.request_id", request_id()),
                ];
                let given = attributes.into_iter().filter_map(|(name, value)| Some((name, value?)));
                span.attributes = given.collect();
            }
        }
        export::send(span);
    }
}
