//! The messages and close codes of `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).

use async_graphql::{Response, ServerError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::request::bearer;
use crate::sessions::Unauthenticated;

/// The only supported subprotocol.
pub(super) const NAME: &str = "graphql-transport-ws";

/// The maximum length of a subscription's ID, in bytes. Every message of the subscription repeats the ID.
const MAX_ID: usize = 128;

/// A message from the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromClient {
    ConnectionInit { payload: Option<Map<String, Json>> },
    Ping { payload: Option<Map<String, Json>> },
    Pong,
    Subscribe { id: String, payload: Map<String, Json> },
    Complete { id: String },
}

impl FromClient {
    /// Parses a message. Returns `None` if it is not part of the protocol.
    pub(super) fn read(text: &str) -> Option<Self> {
        let message = serde_json::from_str(text).ok()?;
        match &message {
            Self::Subscribe { id, .. } if id.is_empty() || id.len() > MAX_ID => None,
            _ => Some(message),
        }
    }
}

/// A message from the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromServer<'a> {
    ConnectionAck {
        payload: Renewal,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Renewal>,
    },
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

/// The remaining lifetime of the connection's access token.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Renewal {
    /// The remaining lifetime in seconds.
    pub(super) expires_in: i64,
}

/// Returns the access token in the payload of `connection_init` or `ping`, either as `accessToken` or as
/// `Authorization`.
pub(super) fn access_token(payload: Option<&Map<String, Json>>) -> Option<SecretString> {
    let payload = payload?;
    if let Some(token) = payload.get("accessToken") {
        return token.as_str().map(Into::into);
    }
    let header = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    bearer(header.1.as_str()?)
}

/// A close code and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Close(pub(super) u16, pub(super) &'static str);

impl Close {
    pub(super) const GOING_AWAY: Self = Self(1001, "Going away");
    pub(super) const MALFORMED_FRAME: Self = Self(1002, "Protocol error");
    pub(super) const TOO_MANY_MESSAGES: Self = Self(1008, "Too many messages");
    pub(super) const TOO_LONG: Self = Self(1009, "Message too long");
    pub(super) const TRY_AGAIN: Self = Self(1013, "Try again later");
    pub(super) const TOO_MANY_SOCKETS: Self = Self(1013, "Too many connections");
    pub(super) const BAD_REQUEST: Self = Self(4400, "Invalid message");
    pub(super) const UNAUTHORIZED: Self = Self(4401, "Unauthorized");
    pub(super) const INIT_TIMEOUT: Self = Self(4408, "Connection initialisation timeout");
    pub(super) const DUPLICATE: Self = Self(4409, "Subscriber already exists");
    pub(super) const TOO_MANY_INITS: Self = Self(4429, "Too many initialisation requests");

    /// Returns the close code for a client that is not signed in. The reason is the same as in `extensions.reason`.
    pub(super) fn forbidden(why: Unauthenticated) -> Self {
        Self(4403, why.word())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_is_found_as_clients_send_it() {
        for (payload, token) in [
            (json!({ "accessToken": "a" }), Some("a")),
            (json!({ "Authorization": "Bearer a" }), Some("a")),
            (json!({ "authorization": "bearer a" }), Some("a")),
            (json!({ "authorization": "Basic a" }), None),
            (json!({ "authorization": 1 }), None),
            (json!({ "accessToken": null }), None),
            (json!({}), None),
        ] {
            let found = access_token(payload.as_object());
            assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), token, "{payload}");
        }
        assert!(access_token(None).is_none());
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "{\"type\":\"start\",\"id\":\"1\",\"payload\":{}}",
            "{\"type\":\"subscribe\",\"payload\":{}}",
            "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{}}",
            "{\"type\":\"subscribe\",\"id\":1,\"payload\":{}}",
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":[]}",
            "{\"type\":\"subscribe\",\"id\":\"1\"}",
            "{\"type\":\"connection_init\",\"payload\":\"x\"}",
            &format!("{{\"type\":\"subscribe\",\"id\":\"{}\",\"payload\":{{}}}}", "x".repeat(129)),
            &"[".repeat(60_000),
        ] {
            assert!(FromClient::read(text).is_none(), "{text:.80}");
        }
        for text in ["{\"type\":\"connection_init\"}", "{\"type\":\"pong\",\"payload\":{\"x\":1}}"] {
            assert!(FromClient::read(text).is_some(), "{text}");
        }
    }
}
