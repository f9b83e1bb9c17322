//! Subscriptions over WebSocket.
//!
//! This replaces the framework's transport, which waits for `connection_init` forever, accepts any number of
//! messages of any size, also runs queries and mutations, continues after the token has expired or the
//! session has ended, and uses close codes that are not part of the protocol.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_graphql::{Response as GraphqlResponse, ServerError};
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{Message, WebSocketStream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};
use tokio::{sync::watch, time};

use super::{
    protocol::{Close, FromClient, FromServer, Renewal, access_token},
    refusal::Refusal,
    request::{from_parameters, operation_type},
    response::is_request_error,
    subscriptions::{Subscriptions, may_subscribe},
    wire::{End, Incoming, Outgoing},
};
use crate::{
    app::App,
    events::Listener,
    fault::Failure,
    graphql::{ApiSchema, caller::Caller, error::ApiError, guard::documents::Documents},
    http::sockets::{SocketPlace, Sockets, Subject},
    sessions::{self, Client, Unauthenticated, Viewer},
};

/// The time limit for `connection_init`.
const INIT: Duration = Duration::from_secs(5);

/// The time limit for the client to close its end of the connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often to check that the client is still there. Proxies close connections that are silent for a minute.
const ALIVE: Duration = Duration::from_secs(20);

/// The services that a connection needs.
pub(super) struct Socket {
    pub(super) app: Arc<App>,
    pub(super) documents: Documents,
    pub(super) schema: ApiSchema,
    pub(super) sockets: Sockets,
    pub(super) client: Client,
    /// Becomes true when the server stops.
    pub(super) closing: watch::Receiver<bool>,
}

impl Socket {
    /// Serves a connection until it ends.
    pub(super) async fn serve(self, stream: WebSocketStream) {
        let (sink, messages) = stream.split();
        let mut connection = Connection {
            incoming: Incoming::new(messages),
            outgoing: Outgoing(sink),
            subscriptions: Subscriptions::default(),
            socket: self,
        };
        let Err(end) = connection.run().await;
        let farewell = async {
            match end {
                End::Close(close) => {
                    tracing::debug!(code = close.0, reason = close.1, "a WebSocket was closed");
                    connection.close(close).await;
                }
                End::Closed => connection.hear_out().await,
                End::Gone => {}
            }
        };
        let _ = time::timeout(FAREWELL, farewell).await;
    }

    async fn sign_in(&self, token: Option<SecretString>) -> Result<SignedIn, End> {
        let Some(access_token) = token else {
            return Err(Close::forbidden(Unauthenticated::Missing).into());
        };
        let viewer = self.find_viewer(&access_token).await?;
        let (user, session) = (viewer.user.id, viewer.session.id);
        let most = self.app.config.sockets.per_user;
        let place = self.sockets.place(Subject::User(user), most).ok_or_else(|| {
            self.app.metrics.refusals.add("WEBSOCKET_MAX_PER_USER");
            Close::TOO_MANY_SOCKETS
        })?;
        let listener = self.app.events.listen(user, session);
        // the session may have ended before this connection began to listen
        self.find_viewer(&access_token).await?;
        Ok(SignedIn { access_token, viewer, listener, _place: place })
    }

    async fn find_viewer(&self, token: &SecretString) -> Result<Viewer, End> {
        let found = sessions::viewer(&self.app, Some(token.expose_secret())).await;
        found.map_err(|error| match error {
            Failure::Refused(why) => Close::forbidden(why).into(),
            Failure::Fault(fault) => {
                // the conversion logs the fault
                let _ = ApiError::from(fault);
                Close::TRY_AGAIN.into()
            }
        })
    }

    fn time_left(&self, signed_in: &SignedIn) -> Duration {
        (signed_in.viewer.expires_at - self.app.clock.now()).try_into().unwrap_or_default()
    }

    fn renewal(&self, signed_in: &SignedIn) -> Renewal {
        let expires_in = i64::try_from(self.time_left(signed_in).as_secs()).unwrap_or(i64::MAX);
        Renewal { expires_in }
    }
}

struct Connection {
    socket: Socket,
    incoming: Incoming,
    outgoing: Outgoing,
    subscriptions: Subscriptions,
}

/// The user and session of a connection.
struct SignedIn {
    access_token: SecretString,
    viewer: Viewer,
    listener: Listener,
    _place: SocketPlace,
}

impl Connection {
    async fn run(&mut self) -> Result<Infallible, End> {
        let mut closing = self.socket.closing.clone();
        let closed = async move {
            let _ = closing.wait_for(|is_closing| *is_closing).await;
        };
        tokio::select! {
            end = async {
                let signed_in = self.greet().await?;
                self.follow(signed_in).await
            } => end,
            () = closed => Err(Close::GOING_AWAY.into()),
        }
    }

    /// Waits until the client has authenticated.
    async fn greet(&mut self) -> Result<SignedIn, End> {
        let late = time::sleep(INIT);
        tokio::pin!(late);
        loop {
            let message = tokio::select! {
                message = self.incoming.next() => message?,
                () = &mut late => return Err(Close::INIT_TIMEOUT.into()),
            };
            match message {
                FromClient::ConnectionInit { payload } => {
                    let signed_in = self.socket.sign_in(access_token(payload.as_ref())).await?;
                    let payload = self.socket.renewal(&signed_in);
                    self.outgoing.send(&FromServer::ConnectionAck { payload }).await?;
                    return Ok(signed_in);
                }
                FromClient::Ping { .. } => self.outgoing.send(&FromServer::Pong { payload: None }).await?,
                FromClient::Subscribe { .. } => return Err(Close::UNAUTHORIZED.into()),
                FromClient::Pong | FromClient::Complete { .. } => {}
            }
        }
    }

    /// Serves the client until it leaves, its session ends or its access token expires.
    async fn follow(&mut self, mut signed_in: SignedIn) -> Result<Infallible, End> {
        let expired = time::sleep(self.socket.time_left(&signed_in));
        tokio::pin!(expired);
        let mut alive = time::interval_at(time::Instant::now() + ALIVE, ALIVE);
        loop {
            tokio::select! {
                message = self.incoming.next() => {
                    self.answer(message?, &mut signed_in).await?;
                    expired.as_mut().reset(time::Instant::now() + self.socket.time_left(&signed_in));
                }
                Some(happened) = self.subscriptions.next() => self.tell(happened).await?,
                () = signed_in.listener.session_end() => {
                    // the subscriptions receive the same event and end by themselves
                    let rest = async {
                        while let Some(happened) = self.subscriptions.next().await {
                            self.tell(happened).await?;
                        }
                        Ok::<_, End>(())
                    };
                    let _ = time::timeout(FAREWELL, rest).await;
                    return Err(Close::forbidden(Unauthenticated::Revoked).into());
                }
                () = &mut expired => return Err(Close::forbidden(Unauthenticated::Expired).into()),
                _ = alive.tick() => {
                    if !std::mem::take(&mut self.incoming.is_alive) {
                        return Err(End::Gone);
                    }
                    self.outgoing.write(Message::Ping(Vec::new())).await?;
                }
            }
        }
    }

    async fn answer(&mut self, message: FromClient, signed_in: &mut SignedIn) -> Result<(), End> {
        match message {
            FromClient::Subscribe { id, payload } => {
                if self.subscriptions.has(&id) {
                    return Err(Close::DUPLICATE.into());
                }
                if let Err(error) = self.subscribe(&id, payload, signed_in) {
                    self.outgoing.send(&FromServer::Error { id: &id, payload: &[error] }).await?;
                }
            }
            FromClient::Complete { id } => self.subscriptions.end(&id),
            FromClient::ConnectionInit { .. } => return Err(Close::TOO_MANY_INITS.into()),
            FromClient::Ping { payload } => self.answer_ping(payload.as_ref(), signed_in).await?,
            FromClient::Pong => {}
        }
        Ok(())
    }

    /// Starts a subscription under the same guards as a request. The guards look up the viewer again.
    fn subscribe(
        &mut self,
        id: &str,
        payload: Map<String, Json>,
        signed_in: &SignedIn,
    ) -> Result<(), ServerError> {
        let most = self.socket.app.config.sockets.subscriptions;
        if self.subscriptions.count() >= most {
            self.socket.app.metrics.refusals.add("WEBSOCKET_MAX_SUBSCRIPTIONS");
            return Err(ApiError::RateLimited("WEBSOCKET_MAX_SUBSCRIPTIONS", 1).into());
        }
        let operation =
            from_parameters(payload, self.socket.documents.trusted()).map_err(Refusal::into_error)?;
        may_subscribe(operation_type(&self.socket.app, &self.socket.documents, &operation)?)?;
        let caller = Caller::new(self.socket.client.clone(), Some(signed_in.access_token.clone()));
        self.subscriptions.begin(id, self.socket.schema.execute_stream(operation.data(caller)));
        Ok(())
    }

    async fn tell(&mut self, (id, happened): (String, Option<GraphqlResponse>)) -> Result<(), End> {
        let Some(response) = happened else {
            self.subscriptions.end(&id);
            return self.outgoing.send(&FromServer::Complete { id: &id }).await;
        };
        if is_request_error(&response) {
            self.subscriptions.end(&id);
            return self.outgoing.send(&FromServer::Error { id: &id, payload: &response.errors }).await;
        }
        self.outgoing.send(&FromServer::Next { id: &id, payload: &response }).await
    }

    /// Responds to a ping. If the ping carries a newer access token of the session, the connection uses the newer token
    /// from then on.
    async fn answer_ping(
        &mut self,
        payload: Option<&Map<String, Json>>,
        signed_in: &mut SignedIn,
    ) -> Result<(), End> {
        let Some(token) = access_token(payload) else {
            return self.outgoing.send(&FromServer::Pong { payload: None }).await;
        };
        let viewer = self.socket.find_viewer(&token).await?;
        if viewer.session.id != signed_in.viewer.session.id {
            return Err(Close::forbidden(Unauthenticated::Invalid).into());
        }
        (signed_in.access_token, signed_in.viewer) = (token, viewer);
        let payload = Some(self.socket.renewal(signed_in));
        self.outgoing.send(&FromServer::Pong { payload }).await
    }

    /// Sends the close code, then waits until the client closes the connection. Closing the socket immediately could
    /// lose the code.
    async fn close(&mut self, Close(code, reason): Close) {
        let _ = self.outgoing.0.send(Message::close_with(code, reason)).await;
        self.hear_out().await;
    }

    /// Reads until the connection ends. A client's close frame is answered with the same code (RFC 6455 §5.5.1).
    async fn hear_out(&mut self) {
        while let Some(Ok(_)) = self.incoming.messages.next().await {}
    }
}
