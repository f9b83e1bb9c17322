//! The upgrade of a request to a WebSocket.

use poem::{
    FromRequest, IntoResponse, Request, Response,
    http::{Method, StatusCode, header},
    web::websocket::{WebSocket, WebSocketConfig},
};

use super::{
    protocol,
    refusal::{Refusal, bad_request},
    request::MAX_BODY,
    socket::Socket,
};
use crate::{
    http::sockets::{SocketPlace, Subject},
    rate_limit::Address,
    telemetry,
};

/// The size of the read and write buffers. It is small because most sockets are silent.
const BUFFER: usize = 4 * 1024;

/// Returns whether the request asks for an upgrade.
pub(super) fn is_asked_for(request: &Request) -> bool {
    let upgrade = request.header(header::UPGRADE).unwrap_or_default();
    *request.method() == Method::GET && upgrade.eq_ignore_ascii_case("websocket")
}

/// Hands the connection over to the [`Socket`]. The CORS middleware has already checked the origin, if there
/// is one.
pub(super) async fn upgrade(socket: Socket, request: Request) -> Result<Response, Refusal> {
    let offered = request.header(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    if offered.split(',').all(|name| name.trim() != protocol::NAME) {
        return Err(bad_request(&format!("WebSockets must use the subprotocol {}.", protocol::NAME)));
    }
    let places = places(&socket)?;
    let (request, mut body) = request.split();
    let websocket = WebSocket::from_request(&request, &mut body)
        .await
        .map_err(|_| bad_request("The request to open a WebSocket is malformed."))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_BODY))
        .max_frame_size(Some(MAX_BODY))
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(16 * MAX_BODY);
    // records about the socket carry the IDs of the request that opened it
    let ids = telemetry::request_ids().unwrap_or_default();
    let open = socket.app.metrics.websockets.open();
    let serve = move |stream| {
        telemetry::in_request(ids, async move {
            socket.serve(stream).await;
            drop((places, open));
        })
    };
    let websocket = websocket.protocols([protocol::NAME]).config(config);
    let mut response = websocket.on_upgrade(serve).into_response();
    // hyper keeps the client's spelling of header names in an extension. Without it, hyper writes the names in lower case.
    // Python's gql 4 looks for `Sec-WebSocket-Protocol` case-sensitively.
    response.extensions_mut().extend(request.extensions().clone());
    Ok(response)
}

/// Returns slots that count towards the limit of the server and the limits of the client's networks.
pub(super) fn places(socket: &Socket) -> Result<Vec<SocketPlace>, Refusal> {
    let limits = socket.app.config.sockets;
    let place = |subject, most, status, setting: &str, message: &str| {
        let place = socket.sockets.place(subject, most);
        place.ok_or_else(|| {
            socket.app.metrics.refusals.add(setting);
            Refusal::new(status, format!("{message} ({setting})."))
        })
    };
    let (busy, setting) = (StatusCode::SERVICE_UNAVAILABLE, "WEBSOCKET_MAX");
    let message = "Too many connections are open";
    let all = place(Subject::Everybody, limits.all, busy, setting, message);
    let mut places = vec![all.inspect_err(|_| telemetry::note_cause("websockets_full"))?];
    if let Some(address) = Address::rationed(&socket.app, socket.client.ip_address) {
        let (busy, setting) = (StatusCode::TOO_MANY_REQUESTS, "WEBSOCKET_MAX_PER_ADDRESS");
        let message = "Too many connections from this address are open";
        for (network, times) in address.networks() {
            let most = limits.per_address.saturating_mul(usize::try_from(times).unwrap_or(usize::MAX));
            let subject = Subject::Address(network.to_owned());
            places.push(place(subject, most, busy, setting, message)?);
        }
    }
    Ok(places)
}
