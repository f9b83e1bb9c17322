//! Token introspection (RFC 7662), for services that must learn of a sign-out immediately rather than when the access
//! token expires.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use poem::{
    Body, IntoResponse, Request, Response, handler,
    http::{HeaderMap, StatusCode, header},
    web::{Data, Json},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer, form};
use crate::{
    app::App, fault::Failure, graphql::error::ApiError, sessions, telemetry, tokens::ENROLMENT_AUDIENCE,
};

/// The path of the endpoint.
pub(super) const PATH: &str = "/oauth/introspect";

#[derive(Deserialize)]
struct Asked {
    token: String,
}

/// Returns the claims of an access token. If the token has expired, its session has ended or another server issued it,
/// returns only that the token is not active.
#[handler]
pub(super) async fn introspect(Data(app): Data<&Arc<App>>, request: &Request, body: Body) -> Response {
    let Some(secret) = &app.config.tokens.introspection_secret else {
        return answer::nothing("Token introspection is off (INTROSPECTION_SECRET).");
    };
    if !knows(secret, request.headers()) {
        let message =
            "Send INTROSPECTION_SECRET as the password of Basic authentication, or as a Bearer token.";
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client", message)
            .with_header(header::WWW_AUTHENTICATE, "Basic realm=\"introspection\"")
            .into_response();
    }
    let Some(Asked { token }) = form::read(body).await else {
        let message = "The body must be a form with the field `token`.";
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", message);
    };
    let token = SecretString::from(token);
    let found = match sessions::viewer(app, Some(token.expose_secret())).await {
        // a service that checks only `active` must not admit a user who has yet to enroll a second factor
        Ok(viewer) if viewer.must_enroll(app) => None,
        Ok(_) => claims(token.expose_secret()),
        Err(Failure::Refused(_)) => None,
        Err(Failure::Fault(fault)) => {
            let code = ApiError::from(fault).code();
            return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, code, "The server is unavailable.");
        }
    };
    let said = found.unwrap_or_else(|| json!({ "active": false }));
    Json(said).with_header(header::CACHE_CONTROL, "no-store").into_response()
}

/// Returns a refusal in the format of OAuth (RFC 7662 §2.3, RFC 6749 §5.2).
fn refusal(status: StatusCode, error: &'static str, description: &str) -> Response {
    telemetry::note(|notes| notes.outcome = Some(error.to_owned()));
    let said = Json(json!({ "error": error, "error_description": description }));
    said.with_header(header::CACHE_CONTROL, "no-store").with_status(status).into_response()
}

/// Returns whether the request carries the secret, as a Basic password or as a Bearer token (RFC 7662 §2.1).
fn knows(secret: &SecretString, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, credentials)) = given.and_then(|given| given.split_once(' ')) else { return false };
    let credentials = credentials.trim();
    let given = if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(credentials).ok();
        let colon = |bytes: &Vec<u8>| bytes.iter().position(|byte| *byte == b':');
        decoded.and_then(|bytes| colon(&bytes).map(|at| bytes[at + 1..].to_vec()))
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Some(credentials.as_bytes().to_vec())
    } else {
        None
    };
    let is_secret = |given: &[u8]| verify_slices_are_equal(given, secret.expose_secret().as_bytes()).is_ok();
    // conforming clients form-encode the password (RFC 6749 §2.3.1), but many clients do not
    given.is_some_and(|given| is_secret(&given) || is_secret(&form::decode(&given)))
}

/// Returns the claims of a token that has been verified.
fn claims(token: &str) -> Option<Value> {
    let body = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let mut claims: Value = serde_json::from_slice(&body).ok()?;
    // this token was issued before the user enrolled a second factor, so other services must not accept it
    if claims["aud"] == ENROLMENT_AUDIENCE {
        return None;
    }
    let members = claims.as_object_mut()?;
    members.insert("active".to_owned(), json!(true));
    members.insert("token_type".to_owned(), json!("Bearer"));
    Some(claims)
}
