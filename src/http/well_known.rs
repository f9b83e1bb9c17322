//! What other services need for verifying access tokens.

use std::sync::Arc;

use poem::{
    IntoResponse, Response, handler,
    http::header,
    web::{Data, Json},
};
use serde_json::json;

use crate::app::App;

/// How long others may keep it. A new key is announced as a fallback long before it signs.
const MAX_AGE: &str = "public, max-age=300";

/// The public keys (RFC 7517).
#[handler]
pub(super) fn jwks(Data(app): Data<&Arc<App>>) -> Response {
    Json(app.tokens.jwks()).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}

/// The issuer and where its keys are (RFC 8414). There are no endpoints of OAuth: people sign in by GraphQL.
#[handler]
pub(super) fn metadata(Data(app): Data<&Arc<App>>) -> Response {
    let metadata = json!({
        "issuer": app.config.jwt_issuer,
        "jwks_uri": app.config.public_address("/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [],
    });
    Json(metadata).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}
