//! A span as it is sent to the collector.

use std::time::Instant;

/// A span that has ended.
pub(super) struct FinishedSpan {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) has_failed: bool,
}

/// The role of a span in its trace.
pub(super) enum SpanKind {
    /// The server's side of a request.
    Server,
    /// A part of a request.
    Internal,
}
