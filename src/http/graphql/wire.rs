//! The messages of a WebSocket in both directions. The number of messages from the client is limited.

use std::{io, time::Duration};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use poem::web::websocket::{Message, WebSocketStream};
use tokio::time;

use super::protocol::{Close, FromClient, FromServer};

/// The time limit for the client to read a message.
const READ: Duration = Duration::from_secs(10);

/// The number of messages that a client may send per period, and the length of the period.
const MESSAGES: u32 = 100;
const WHILE: Duration = Duration::from_secs(10);

/// The reason why a connection ends.
pub(super) enum End {
    /// The client is gone.
    Gone,
    /// The client closed the connection.
    Closed,
    Close(Close),
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// The messages from a client.
pub(super) struct Incoming {
    pub(super) messages: SplitStream<WebSocketStream>,
    /// The number of messages since `since`.
    count: u32,
    since: time::Instant,
    /// Whether anything has arrived since the last check.
    pub(super) is_alive: bool,
}

impl Incoming {
    pub(super) fn new(messages: SplitStream<WebSocketStream>) -> Self {
        Self { messages, count: 0, since: time::Instant::now(), is_alive: true }
    }

    /// Returns the next message.
    pub(super) async fn next(&mut self) -> Result<FromClient, End> {
        loop {
            let message = self.messages.next().await.ok_or(End::Gone)?.map_err(|error| broken(&error))?;
            self.count()?;
            match message {
                Message::Text(text) => {
                    return FromClient::read(&text).ok_or_else(|| Close::BAD_REQUEST.into());
                }
                Message::Binary(_) => return Err(Close::BAD_REQUEST.into()),
                Message::Close(_) => return Err(End::Closed),
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    fn count(&mut self) -> Result<(), End> {
        self.is_alive = true;
        if self.since.elapsed() > WHILE {
            (self.since, self.count) = (time::Instant::now(), 0);
        }
        self.count += 1;
        if self.count > MESSAGES { Err(Close::TOO_MANY_MESSAGES.into()) } else { Ok(()) }
    }
}

/// Classifies an error of the framework, which describes a broken connection only in the error's text.
fn broken(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::Other if error.to_string().contains("too long") => Close::TOO_LONG.into(),
        io::ErrorKind::Other => Close::MALFORMED_FRAME.into(),
        _ => End::Gone,
    }
}

/// The messages to a client.
pub(super) struct Outgoing(pub(super) SplitSink<WebSocketStream, Message>);

impl Outgoing {
    pub(super) async fn send(&mut self, message: &FromServer<'_>) -> Result<(), End> {
        self.write(Message::Text(serde_json::to_string(message).expect("messages are JSON"))).await
    }

    pub(super) async fn write(&mut self, message: Message) -> Result<(), End> {
        match time::timeout(READ, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }
}
