//! Tells clients their own address as the server sees it. `gatehouse check` requests this address through the proxy. A
//! client learns the address of a proxy only if the proxy is not trusted and so counts as the client.

use std::sync::Arc;

use poem::{
    IntoResponse, Request, Response, handler,
    http::header,
    web::{Data, Json},
};
use serde_json::json;

use super::client::{client, forwarding};
use crate::app::App;

#[handler]
pub(super) fn address(request: &Request, Data(app): Data<&Arc<App>>) -> Response {
    let trusted_proxies = &app.config.server.trusted_proxies;
    let seen = json!({
        "address": client(request, trusted_proxies).ip_address.map(|address| address.to_string()),
        "forwarded": forwarding(request, trusted_proxies),
    });
    Json(seen).with_header(header::CACHE_CONTROL, "no-store").into_response()
}
