//! What other services need for verifying access tokens.

use std::sync::Arc;

use poem::{
    IntoResponse, Response, handler,
    http::header,
    web::{Data, Json},
};
use serde_json::json;
use url::Url;

use crate::{app::App, config::Config};

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

/// The path of an issuer that has one. Its metadata is asked for with that path at the end (RFC 8414 §3.1).
pub(super) fn issuer_path(config: &Config) -> Option<String> {
    let issuer = Url::parse(&config.jwt_issuer).ok()?;
    let path = issuer.path().trim_end_matches('/');
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    (!path.is_empty() && is_plain).then(|| path.to_owned())
}
