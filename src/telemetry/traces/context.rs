//! The trace that a request is part of (<https://www.w3.org/TR/trace-context/>).

use super::is_on;
use crate::secrets;

/// A trace, and the span in it that the request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The ID of the trace.
    pub id: [u8; 16],
    /// The span of the sender. `None` if the trace begins here.
    pub parent: Option<[u8; 8]>,
    /// Whether the sender records the trace.
    pub is_sampled: bool,
}

impl Trace {
    /// Begins a trace. Returns `None` if traces are off.
    #[must_use]
    pub fn begin() -> Option<Self> {
        is_on().then(|| Self { id: secrets::random(), parent: None, is_sampled: true })
    }

    /// Parses a `traceparent`: `version-trace_id-parent_id-flags`, in lower-case hexadecimal digits. Later versions of
    /// the format may add more parts at the end. Returns `None` if the text is malformed.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let ([version], id, parent) = (bytes(parts.next()?)?, bytes(parts.next()?)?, bytes(parts.next()?)?);
        let [flags] = bytes(parts.next()?)?;
        let is_over = version != 0 || parts.next().is_none();
        let is_good = version != 0xff && is_over && id != [0; 16] && parent != [0; 8];
        is_good.then_some(Self { id, parent: Some(parent), is_sampled: flags & 1 == 1 })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|letter| letter.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_read_as_w3c_defines_them() {
        let (id, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (good, is_sampled) in [
            (format!("00-{id}-{parent}-01"), true),
            (format!("00-{id}-{parent}-00"), false),
            (format!("cc-{id}-{parent}-03-more"), true),
        ] {
            let trace = Trace::parse(&good).unwrap();
            assert_eq!(
                (hex::encode(trace.id), hex::encode(trace.parent.unwrap())),
                (id.into(), parent.into())
            );
            assert_eq!(trace.is_sampled, is_sampled, "{good}");
        }
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            format!("00-{id}-{parent}"),
            format!("00-{id}-{parent}-01-more"),
            format!("ff-{id}-{parent}-01"),
            format!("00-{}-{parent}-01", id.to_uppercase()),
            format!("00-{zeros}-{parent}-01"),
            format!("00-{id}-{}-01", &zeros[..16]),
            format!("00-{}-{parent}-01", &id[1..]),
        ] {
            assert_eq!(Trace::parse(&bad), None, "{bad}");
        }
    }
}
