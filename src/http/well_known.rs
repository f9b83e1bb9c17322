//! Documents at well-known addresses, such as the keys with which other services verify access tokens. The documents
//! are public, and pages on all origins can read them.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Request, Response, RouteMethod, get, handler,
    http::{HeaderValue, StatusCode, header},
    web::{Data, Json},
};
use serde_json::json;
use url::Url;

use super::introspection;
use crate::{app::App, config::Config};

/// How long clients may cache the documents. Caching is safe, because a new key is announced as a fallback long before
/// it signs tokens.
const MAX_AGE: &str = "public, max-age=300";

/// Serves a public document.
pub(super) fn public(document: impl Endpoint<Output = Response> + 'static) -> RouteMethod {
    get(document.after(async |answer| Ok(open(answer?)))).options(preflight)
}

/// Lets pages of every origin read the response.
fn open(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    answer
}

#[handler]
fn preflight(request: &Request) -> Response {
    let mut answer = open(StatusCode::NO_CONTENT.into_response());
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answer
}

/// Returns the public keys (RFC 7517).
#[handler]
pub(super) fn jwks(Data(app): Data<&Arc<App>>) -> Response {
    Json(app.tokens.jwks()).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}

/// Returns the issuer and the address of its keys (RFC 8414, OpenID Connect Discovery). There are no OAuth endpoints
/// and no ID tokens, because people sign in through GraphQL. The signing algorithms in the response are those of access
/// tokens.
#[handler]
pub(super) fn metadata(Data(app): Data<&Arc<App>>) -> Response {
    let keys = app.tokens.jwks();
    let mut algorithms: Vec<_> = keys.keys.iter().filter_map(|key| key.common.key_algorithm).collect();
    algorithms.dedup();
    let mut metadata = json!({
        "issuer": app.config.tokens.issuer,
        "jwks_uri": app.config.server.public_address("/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    });
    if app.config.tokens.introspection_secret.is_some() {
        metadata["introspection_endpoint"] = app.config.server.public_address(introspection::PATH).into();
        metadata["introspection_endpoint_auth_methods_supported"] = json!(["client_secret_basic", "Bearer"]);
    }
    Json(metadata).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}

/// Returns the address of the page on which people change their password: the app's page or else, if it exists, the
/// server's own page.
pub(super) fn password_page(config: &Config) -> Option<String> {
    let own = || config.server.public_address("/reset-password");
    let codes = &config.codes;
    codes.change_password_url.clone().or_else(|| codes.password_reset_url.is_none().then(own))
}

/// Redirects to the page on which people change their password, for password managers
/// (<https://w3c.github.io/webappsec-change-password-url/>).
pub(super) struct ChangePassword(pub(super) String);

impl Endpoint for ChangePassword {
    type Output = Response;

    async fn call(&self, _: Request) -> poem::Result<Response> {
        let answer = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, &self.0);
        Ok(answer.header(header::CACHE_CONTROL, "no-store").finish())
    }
}

/// Returns the origins where passkeys work, both outside the relying party's domain (Web Authentication Level 3 §5.11)
/// and within it.
#[handler]
pub(super) fn webauthn(Data(app): Data<&Arc<App>>) -> Response {
    let party = app.config.passkeys.relying_party.as_ref();
    let origins = party.into_iter().flat_map(|party| &party.origins);
    let is_of_pages = |origin: &&String| origin.starts_with("https://") && !origin.ends_with('*');
    let origins: Vec<_> = origins.filter(is_of_pages).collect();
    Json(json!({ "origins": origins })).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}

/// Returns the address of the page on which people add and remove passkeys, for password managers
/// (<https://w3c.github.io/webappsec-passkey-endpoints/>). If no page is set, returns an empty object, which says that
/// passkeys are supported.
#[handler]
pub(super) fn passkey_endpoints(Data(app): Data<&Arc<App>>) -> Response {
    let endpoints = match &app.config.passkeys.passkey_manage_url {
        Some(page) => json!({ "enroll": page, "manage": page }),
        None => json!({}),
    };
    Json(endpoints).with_header(header::CACHE_CONTROL, MAX_AGE).into_response()
}

/// Returns the paths of the metadata. The issuer's path comes after the well-known path (RFC 8414 §3.1) or before it
/// (RFC 8414 §5, OpenID Connect Discovery §4.1).
pub(super) fn metadata_paths(config: &Config) -> Vec<String> {
    let names =
        ["oauth-authorization-server", "openid-configuration"].map(|name| format!("/.well-known/{name}"));
    let mut paths = names.to_vec();
    if let Some(issuer) = issuer_path(config) {
        paths.extend(names.iter().flat_map(|name| [format!("{name}{issuer}"), format!("{issuer}{name}")]));
    }
    paths
}

/// Returns the path of the issuer, if it has one.
fn issuer_path(config: &Config) -> Option<String> {
    let issuer = Url::parse(&config.tokens.issuer).ok()?;
    let path = issuer.path().trim_end_matches('/');
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    (!path.is_empty() && is_plain).then(|| path.to_owned())
}
