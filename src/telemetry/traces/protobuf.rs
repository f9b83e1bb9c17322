//! OTLP's messages in Protocol Buffers
//! (<https://github.com/open-telemetry/opentelemetry-proto/tree/v1.3.2/opentelemetry/proto/trace/v1>).
//!
//! A message is a series of fields, each with a number, a type and a value. The comments of the functions give the
//! numbers.

use super::finished_span::{FinishedSpan, SpanKind};

/// The types of fields that these messages use.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;

/// A message.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from((field << 3) | kind));
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let low = value.to_le_bytes()[0] & 0x7f;
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.tag(field, LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    fn number(mut self, field: u32, value: u64) -> Self {
        self.tag(field, VARINT);
        self.varint(value);
        self
    }

    fn fixed(mut self, field: u32, value: u64) -> Self {
        self.tag(field, FIXED64);
        self.0.extend(value.to_le_bytes());
        self
    }
}

/// Returns an `ExportTraceServiceRequest` with these spans and the attributes of the service. `unix_nanos` converts
/// times to nanoseconds since 1970.
pub(super) fn request(
    service: &[(&str, &str)],
    spans: &[FinishedSpan],
    unix_nanos: impl Fn(std::time::Instant) -> u64,
) -> Vec<u8> {
    // Resource: attributes = 1
    let resource =
        service.iter().fold(Message::default(), |all, (name, value)| all.message(1, &attribute(name, value)));
    // ScopeSpans: scope = 1, spans = 2; InstrumentationScope: name = 1
    let scope = Message::default().bytes(1, b"gatehouse");
    let scope_spans = spans
        .iter()
        .fold(Message::default().message(1, &scope), |all, one| all.message(2, &span(one, &unix_nanos)));
    // ResourceSpans: resource = 1, scope_spans = 2; ExportTraceServiceRequest: resource_spans = 1
    let resource_spans = Message::default().message(1, &resource).message(2, &scope_spans);
    Message::default().message(1, &resource_spans).0
}

/// Span: `trace_id` = 1, `span_id` = 2, `parent_span_id` = 4, name = 5, kind = 6, `start_time_unix_nano` = 7,
/// `end_time_unix_nano` = 8, attributes = 9, status = 15
fn span(span: &FinishedSpan, unix_nanos: impl Fn(std::time::Instant) -> u64) -> Message {
    // SpanKind: INTERNAL = 1, SERVER = 2
    let kind = match span.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
    };
    let mut message = Message::default().bytes(1, &span.trace_id).bytes(2, &span.span_id);
    if let Some(parent) = &span.parent {
        message = message.bytes(4, parent);
    }
    message = message
        .bytes(5, span.name.as_bytes())
        .number(6, kind)
        .fixed(7, unix_nanos(span.begun))
        .fixed(8, unix_nanos(span.ended));
    for (name, value) in &span.attributes {
        message = message.message(9, &attribute(name, value));
    }
    if span.has_failed {
        // Status: code = 3; StatusCode: ERROR = 2
        message = message.message(15, &Message::default().number(3, 2));
    }
    message
}

/// `KeyValue`: key = 1, value = 2; `AnyValue`: `string_value` = 1
fn attribute(name: &str, value: &str) -> Message {
    let value = Message::default().bytes(1, value.as_bytes());
    Message::default().bytes(1, name.as_bytes()).message(2, &value)
}
