//! Responses other than GraphQL results, mainly refusals. Refusals have the format of GraphQL errors, so clients need
//! to handle only one error format.

use std::any::Any;

use poem::{
    Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;

use super::headers;
use crate::{graphql::error::TopLevelErrorCode, telemetry};

const JSON: &str = "application/json; charset=utf-8";

/// The body of a response that has errors and no data.
#[derive(Serialize)]
pub(super) struct Errors<E> {
    pub(super) errors: Vec<E>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    extensions: Extensions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// Returns a refusal of a request that did not reach GraphQL.
pub(super) fn refusal(status: StatusCode, code: TopLevelErrorCode, message: &str) -> Response {
    telemetry::note(|notes| notes.outcome = Some(code.name().to_owned()));
    let mut answer = Response::builder()
        .status(status)
        .content_type(JSON)
        .header(header::CACHE_CONTROL, "no-store")
        .body(body(code, message));
    if let Some(seconds) = retry_after(code) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
    }
    answer
}

/// Returns the bytes of a refusal, for a connection on which no request has been parsed.
pub(super) fn raw(status: StatusCode, code: TopLevelErrorCode, message: &str) -> Vec<u8> {
    let body = body(code, message);
    let length = body.len().to_string();
    let of_refusals = [
        (header::CONTENT_TYPE, JSON),
        (header::CONTENT_LENGTH, &length),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
    ];
    let seconds = retry_after(code).map(|seconds| seconds.to_string());
    let again = seconds.iter().map(|seconds| (header::RETRY_AFTER, seconds.as_str()));
    let headers = of_refusals.into_iter().chain(headers::ALWAYS).chain(again);
    let lines: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{}\r\n{body}", lines.concat()).into_bytes()
}

fn body(code: TopLevelErrorCode, message: &str) -> String {
    let is_ours = matches!(code, TopLevelErrorCode::Internal | TopLevelErrorCode::ServiceUnavailable);
    let request_id = telemetry::request_id().filter(|_| is_ours);
    let extensions = Extensions { code: code.name(), retry_after: retry_after(code), request_id };
    let refusal = Refusal { message, extensions };
    serde_json::to_string(&Errors { errors: vec![refusal] }).expect("texts are JSON")
}

/// Returns the number of seconds after which the request may succeed, or `None` if waiting does not help.
fn retry_after(code: TopLevelErrorCode) -> Option<u8> {
    let may_come_again = [
        TopLevelErrorCode::RateLimited,
        TopLevelErrorCode::ServerBusy,
        TopLevelErrorCode::ServiceUnavailable,
    ];
    may_come_again.contains(&code).then_some(1)
}

/// Adds headers that separate the page's window from the windows of other sites, and that keep caches from storing the
/// page. The page's own policy decides what the page may load.
pub(super) fn shield(mut answer: Response) -> Response {
    let no_hold = header::HeaderName::from_static("cross-origin-opener-policy");
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(no_hold, HeaderValue::from_static("same-origin"));
    answer
}

/// Returns the response to a request whose handler panicked. The panic is already logged.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    telemetry::note_cause("panic");
    let message = "The server failed. Its log has the details under the request ID.";
    refusal(StatusCode::INTERNAL_SERVER_ERROR, TopLevelErrorCode::Internal, message)
}

/// Returns the response to a request whose method is not supported. The response lists the supported methods.
pub(super) fn not_allowed(methods: &'static str) -> Response {
    let message = format!("This address accepts {methods}.");
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, TopLevelErrorCode::BadRequest, &message);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// Returns the response to a request for something that does not exist.
pub(super) fn nothing(message: &str) -> Response {
    refusal(StatusCode::NOT_FOUND, TopLevelErrorCode::NotFound, message)
}

/// Renders the refusal as an HTML page, for people who use a browser. The message may contain HTML.
pub(super) fn as_page(refusal: Response, message: &'static str) -> Response {
    let html = include_str!("pages/refused.html")
        .replace("{status}", &refusal.status().to_string())
        .replace("{message}", message);
    let mut page = refusal.set_content_type("text/html; charset=utf-8");
    page.set_body(html);
    page
}

/// Returns the response to an error of a route or of the framework, as a page if the client prefers one.
pub(super) fn refused(error: &poem::Error, prefers_html: bool) -> Response {
    let status = error.status();
    let message = match status {
        StatusCode::NOT_FOUND => "There is nothing at this address. The API is at /graphql.",
        // routes that accept other methods send their own refusals
        StatusCode::METHOD_NOT_ALLOWED => "This address accepts GET, HEAD.",
        StatusCode::FORBIDDEN => "This origin or method is not allowed: see ALLOWED_ORIGINS.",
        _ => status.canonical_reason().unwrap_or("The request could not be processed."),
    };
    let answer = match status {
        StatusCode::NOT_FOUND => nothing(message),
        StatusCode::METHOD_NOT_ALLOWED => not_allowed("GET, HEAD"),
        _ => of_status(status, message),
    };
    if prefers_html { as_page(answer, message) } else { answer }
}

fn of_status(status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::FORBIDDEN => TopLevelErrorCode::Forbidden,
        status if status.is_server_error() => TopLevelErrorCode::Internal,
        _ => TopLevelErrorCode::BadRequest,
    };
    refusal(status, code, message)
}
