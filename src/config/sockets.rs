//! The limits of WebSockets.

use super::{reader::Reader, values::within};

/// The limits on the open WebSockets of one server.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct SocketLimits {
    /// `WEBSOCKET_MAX`.
    pub all: usize,
    pub per_address: usize,
    pub per_user: usize,
    /// The maximum number of subscriptions per WebSocket.
    pub subscriptions: usize,
}

impl SocketLimits {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section(
            "Subscriptions",
            "Limits on the WebSockets that one server keeps open. See [Events](events.md).",
        );
        Self {
            all: r.setting(
                "WEBSOCKET_MAX",
                "10000",
                "The maximum number of WebSockets and other streams. At most half of this number can be open without \
                 an access token.",
                |s| within(s, 1..=1_000_000),
            ),
            per_address: r.setting(
                "WEBSOCKET_MAX_PER_ADDRESS",
                "100",
                "The maximum number of WebSockets from one address.",
                |s| within(s, 1..=100_000),
            ),
            per_user: r.setting(
                "WEBSOCKET_MAX_PER_USER",
                "50",
                "The maximum number of WebSockets of one user.",
                |s| within(s, 1..=10_000),
            ),
            subscriptions: r.setting(
                "WEBSOCKET_MAX_SUBSCRIPTIONS",
                "10",
                "The maximum number of subscriptions on one WebSocket.",
                |s| within(s, 1..=1000),
            ),
        }
    }
}
