//! Subscriptions over server-sent events, for clients behind proxies that do not forward WebSockets. The protocol is
//! graphql-sse in distinct connections mode (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>).

use std::{io, time::Duration};

use async_graphql::{
    Request as GraphqlRequest, Response as GraphqlResponse, ServerError, parser::types::OperationType,
};
use futures_util::{StreamExt, stream};
use poem::{
    Body, Response,
    http::{StatusCode, header},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::mpsc, time};

use super::{
    refusal::Refusal,
    request::{is_public, operation_type},
    response::is_request_error,
    socket::Socket,
    upgrade::places,
};
use crate::{
    fault::Failure,
    graphql::{caller::Caller, error::ApiError},
    http::{deadlines::Streams, sockets::Subject},
    sessions::{self, Unauthenticated, Viewer},
    telemetry,
};

/// How long a stream may be silent before a comment is sent. Proxies close connections that are silent for a minute.
const ALIVE: Duration = Duration::from_secs(12);

/// The media type of the response.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// The comment that keeps a silent connection alive.
const COMMENT: &str = ":\n\n";

/// The number by which `WEBSOCKET_MAX` is divided to get the limit for clients without an access token.
const ANONYMOUS_SHARE: usize = 2;

const COMPLETE: &str = "event: complete\ndata:\n\n";

/// The reason why nothing is streamed.
pub(super) enum NoStream {
    /// The request is refused before it reaches GraphQL.
    Refused(Refusal),
    /// The operation cannot run.
    Failed(ServerError),
}

impl From<ApiError> for NoStream {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.into())
    }
}

/// Streams the responses to a subscription or query. The limits are the same as for WebSockets. Subscriptions without
/// an access token can select only public fields. They also share an additional limit, so that strangers leave room for
/// users.
pub(super) async fn respond(
    socket: Socket,
    operation: GraphqlRequest,
    token: Option<SecretString>,
) -> Result<Response, NoStream> {
    let kind = operation_type(&socket.app, &socket.documents, &operation);
    let kind = kind.map_err(NoStream::Failed)?;
    if kind == OperationType::Mutation {
        let message = "Mutations cannot be streamed. Send them with Accept: application/json.";
        return Err(ApiError::BadRequest(message.to_owned()).into());
    }
    let viewer = viewer(&socket, token.as_ref()).await?;
    let viewer = match (viewer, kind) {
        (Ok(viewer), _) => Some(viewer),
        (Err(why), OperationType::Subscription) if !is_public(&socket.app, &socket.documents, &operation) => {
            return Err(ApiError::Unauthenticated(why).into());
        }
        (Err(_), _) => None,
    };
    let mut places = places(&socket).map_err(NoStream::Refused)?;
    if viewer.is_none() && kind == OperationType::Subscription {
        let most = (socket.app.config.sockets.all / ANONYMOUS_SHARE).max(1);
        places.push(socket.sockets.place(Subject::Anonymous, most).ok_or_else(|| {
            socket.app.metrics.refusals.add("WEBSOCKET_MAX");
            let message = "Too many connections without an access token are open (WEBSOCKET_MAX).";
            NoStream::Refused(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message))
        })?);
    }
    if let Some(viewer) = &viewer {
        let most = socket.app.config.sockets.per_user;
        places.push(socket.sockets.place(Subject::User(viewer.user.id), most).ok_or_else(|| {
            socket.app.metrics.refusals.add("WEBSOCKET_MAX_PER_USER");
            let message = "Too many connections of this user are open (WEBSOCKET_MAX_PER_USER).";
            NoStream::Refused(Refusal::new(StatusCode::TOO_MANY_REQUESTS, message))
        })?);
    }
    let open = socket.app.metrics.websockets.open();
    let ids = telemetry::request_ids().unwrap_or_default();
    let (events, mut sent) = mpsc::channel(1);
    tokio::spawn(telemetry::in_request(ids, async move {
        let caller = Caller::new(socket.client.clone(), token);
        follow(socket, operation.data(caller), viewer, events).await;
        drop((places, open));
    }));
    let events = stream::poll_fn(move |cx| sent.poll_recv(cx).map(|event| event.map(Ok::<_, io::Error>)));
    let body = Body::from_bytes_stream(events);
    Ok(Response::builder()
        .content_type(MEDIA_TYPE)
        .header(header::CACHE_CONTROL, "no-store")
        // otherwise, nginx would buffer the events
        .header("x-accel-buffering", "no")
        .header(header::CONNECTION, "close")
        .extension(Streams)
        .body(body))
}

async fn viewer(
    socket: &Socket,
    token: Option<&SecretString>,
) -> Result<Result<Viewer, Unauthenticated>, ApiError> {
    match sessions::viewer(&socket.app, token.map(ExposeSecret::expose_secret)).await {
        Ok(viewer) => Ok(Ok(viewer)),
        Err(Failure::Refused(why)) => Ok(Err(why)),
        Err(Failure::Fault(fault)) => Err(fault.into()),
    }
}

/// Sends the responses until there are no more, the access token expires, the client leaves or the server stops.
async fn follow(
    socket: Socket,
    operation: GraphqlRequest,
    viewer: Option<Viewer>,
    events: mpsc::Sender<String>,
) {
    let mut closing = socket.closing.clone();
    let left =
        viewer.map(|viewer| (viewer.expires_at - socket.app.clock.now()).try_into().unwrap_or_default());
    let expired = async {
        match left {
            Some(left) => time::sleep(left).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(expired);
    let mut responses = socket.schema.execute_stream(operation);
    loop {
        let (text, is_last) = tokio::select! {
            response = responses.next() => match response {
                Some(response) => (next(&response), is_request_error(&response)),
                None => (COMPLETE.to_owned(), true),
            },
            () = &mut expired => {
                let error = ApiError::Unauthenticated(Unauthenticated::Expired);
                (next(&GraphqlResponse::from_errors(vec![error.into()])), true)
            }
            _ = closing.wait_for(|is_closing| *is_closing) => (COMPLETE.to_owned(), true),
            () = events.closed() => return,
            () = time::sleep(ALIVE) => (COMMENT.to_owned(), false),
        };
        let text = if is_last && text != COMPLETE { text + COMPLETE } else { text };
        if events.send(text).await.is_err() || is_last {
            return;
        }
    }
}

fn next(response: &GraphqlResponse) -> String {
    let json = serde_json::to_string(response).expect("responses are JSON");
    format!("event: next\ndata: {json}\n\n")
}
