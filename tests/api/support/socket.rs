//! A WebSocket client that can send anything.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gatehouse::events::{Event, EventKind};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};
use uuid::Uuid;

use super::{SignedIn, TestApp};

pub const FOLLOW: &str = "subscription { sessionEvents { kind sessionId } }";

/// An open connection, and the ID of the request that opened it.
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>, pub String);

impl TestApp {
    /// Opens a connection with these headers, or returns the status of the refusal.
    pub async fn open(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        Socket::open(&self.url, headers).await
    }

    /// Opens a connection as a signed-in user.
    pub async fn socket(&self, access_token: &str) -> Socket {
        let mut socket = self.open(&[]).await.unwrap();
        socket.say(json!({ "type": "connection_init", "payload": { "accessToken": access_token } })).await;
        let ack = socket.hear().await;
        assert_eq!(ack["type"], "connection_ack", "{ack}");
        socket
    }

    /// Opens a connection and subscribes to a user's events. Returns once it receives them.
    pub async fn follow(&self, who: &SignedIn) -> Socket {
        let mut socket = self.socket(&who.access_token).await;
        socket.subscribe("1", FOLLOW).await;
        let user_id = who.user_id.parse().unwrap();
        let probe = Event {
            kind: EventKind::SessionStarted,
            user_id,
            session_id: Some(Uuid::nil()),
            at: self.app.clock.now(),
        };
        loop {
            self.app.events.publish(&[probe]);
            if let Ok(heard) = tokio::time::timeout(Duration::from_millis(20), socket.hear_any()).await {
                assert!(is_probe(&heard), "{heard}");
                return socket;
            }
        }
    }
}

fn is_probe(heard: &Value) -> bool {
    heard["payload"]["data"]["sessionEvents"]["sessionId"] == json!(Uuid::nil())
}

impl Socket {
    /// Opens a connection to a server with these headers, or returns the status of the refusal.
    pub async fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("{}/graphql", url.replace("http:", "ws:")).into_client_request().unwrap();
        for (name, value) in [("sec-websocket-protocol", "graphql-transport-ws")].iter().chain(headers) {
            if value.is_empty() {
                request.headers_mut().remove(*name);
            } else {
                request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
            }
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, answer)) => {
                Ok(Self(stream, answer.headers()["x-request-id"].to_str().unwrap().to_owned()))
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    /// Returns the next message, or how the connection was closed.
    pub async fn hear(&mut self) -> Value {
        loop {
            let heard = tokio::time::timeout(Duration::from_secs(30), self.hear_any()).await.unwrap();
            if !is_probe(&heard) {
                return heard;
            }
        }
    }

    async fn hear_any(&mut self) -> Value {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(Some(close)))) => {
                    json!({ "closed": u16::from(close.code), "reason": close.reason.as_str() })
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                other => json!({ "lost": format!("{other:?}") }),
            };
        }
    }

    /// Returns the kind of the next event, and the ID of its session if it has one.
    pub async fn event(&mut self) -> (String, Option<String>) {
        let heard = self.hear().await;
        let event = &heard["payload"]["data"]["sessionEvents"];
        let kind = event["kind"].as_str().unwrap_or_else(|| panic!("no event: {heard}"));
        (kind.to_owned(), event["sessionId"].as_str().map(str::to_owned))
    }

    /// Returns whether nothing has been received.
    pub async fn is_silent(&mut self) -> bool {
        self.say(json!({ "type": "ping" })).await;
        self.hear().await == json!({ "type": "pong" })
    }

    /// Checks that the session has ended: the last event says so, the stream completes, and the connection is closed.
    pub async fn ends(&mut self, session_id: &str) {
        let end = ("SESSION_ENDED".to_owned(), Some(session_id.to_owned()));
        loop {
            let event = self.event().await;
            if event == end {
                break;
            }
            assert_eq!(event.0, end.0, "only ends of other sessions may come first");
        }
        assert_eq!(self.hear().await, json!({ "type": "complete", "id": "1" }));
        assert_eq!(self.hear().await, json!({ "closed": 4403, "reason": "REVOKED" }));
    }
}
