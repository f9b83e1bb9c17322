//! The request that a task is processing: its IDs, which every log record carries, and notes for the access log and the
//! metrics.

use std::cell::RefCell;

use tracing::{Instrument, field};
use uuid::Uuid;

use super::traces::Trace;

tokio::task_local! {
    static REQUEST: Request;
}

struct Request {
    ids: RequestIds,
    notes: RefCell<Notes>,
}

/// The IDs by which a request can be found in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// The ID that the response carries.
    pub id: String,
    /// The trace that the request is part of, if a proxy named one or traces are on.
    pub trace: Option<Trace>,
}

/// What became known about a request while it was processed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The root field of the operation.
    pub operation: Option<String>,
    /// The code of the refusal or error, or `OK`.
    pub outcome: Option<String>,
    /// The user who sent the request or has signed in with it.
    pub user_id: Option<Uuid>,
    /// The status of the response.
    pub status: Option<u16>,
    /// Why the server failed.
    pub cause: Option<&'static str>,
}

/// Runs a future in a span with the request's IDs, so that every log record carries them.
// not an asynchronous function, because its future would be twice as large as the future of the work
pub fn in_request<T>(ids: RequestIds, work: impl Future<Output = T>) -> impl Future<Output = T> {
    // at the highest level, so that no filter removes the ID from a record
    let span = tracing::error_span!("request", id = ids.id, trace_id = field::Empty);
    if let Some(trace) = &ids.trace {
        span.record("trace_id", hex::encode(trace.id));
    }
    REQUEST.scope(Request { ids, notes: RefCell::default() }, work.instrument(span))
}

/// Returns the ID of the current request, for responses that refer to the log.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST.try_with(|request| request.ids.id.clone()).ok()
}

/// Returns the IDs of the current request, for work that outlives it.
#[must_use]
pub fn request_ids() -> Option<RequestIds> {
    REQUEST.try_with(|request| request.ids.clone()).ok()
}

/// Adds to the notes on the current request. Has no effect outside of requests.
pub fn note(add: impl FnOnce(&mut Notes)) {
    let _ = REQUEST.try_with(|request| add(&mut request.notes.borrow_mut()));
}

/// Notes why the server failed. Only the first cause is kept, because the others may follow from it.
pub fn note_cause(cause: &'static str) {
    note(|notes| _ = notes.cause.get_or_insert(cause));
}

/// Returns the notes on the current request.
#[must_use]
pub fn notes() -> Notes {
    REQUEST.try_with(|request| request.notes.borrow().clone()).unwrap_or_default()
}
