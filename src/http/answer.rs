//! Answers that are no GraphQL response: refusals, in the same shape, so that clients read one kind of error.

use std::any::Any;

use poem::{
    Body, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;

/// A response without data.
#[derive(Serialize)]
pub(super) struct Errors<E> {
    pub(super) errors: Vec<E>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
struct Extensions<'a> {
    code: &'a str,
}

/// A refusal before any GraphQL.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Errors { errors: vec![Refusal { message, extensions: Extensions { code } }] };
    let body = Body::from_json(body).expect("texts are JSON");
    Response::builder()
        .status(status)
        .content_type("application/json; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(body)
}

/// Keeps a page of ours to itself: it is kept nowhere, tells nobody who led where, and no other site has a hold on it. What
/// it may load is said by a policy of its own.
pub(super) fn shield(mut answer: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The answer to a request during which something panicked. The panic hook has logged it.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    let message = "The server failed. Its log has the reason, under the request id.";
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
}

/// The answer where a route, or a middleware of the framework, refuses.
pub(super) fn refused(error: &poem::Error) -> Response {
    let status = error.status();
    let message = match status {
        StatusCode::NOT_FOUND => "There is nothing at this address. The API is at /graphql.",
        StatusCode::METHOD_NOT_ALLOWED => "This address answers GET.",
        StatusCode::FORBIDDEN => "This origin, method or header is not allowed: see ALLOWED_ORIGINS.",
        _ => status.canonical_reason().unwrap_or("The request cannot be answered."),
    };
    let code = match status {
        StatusCode::FORBIDDEN => "FORBIDDEN",
        status if status.is_server_error() => "INTERNAL",
        _ => "BAD_REQUEST",
    };
    let mut answer = refusal(status, code, message);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    answer
}
