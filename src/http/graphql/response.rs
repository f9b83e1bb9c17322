//! Writes the schema's response as an HTTP response.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use async_graphql_poem::GraphQLResponse;
use poem::{
    Body, IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};

use crate::{
    graphql::error_redaction::code,
    http::{answer::Errors, media::Media},
};

/// Converts the schema's response to an HTTP response. An error without a path occurred before execution. In that case,
/// the HTTP response has no `data`.
pub(super) fn respond(response: GraphqlResponse, media: Media) -> Response {
    let was_executed = !is_request_error(&response);
    let code = response.errors.first().and_then(code).unwrap_or_default().to_owned();
    let reason =
        response.errors.first().and_then(|error| extension(error, "reason")).map(ToString::to_string);
    let has_data = response.data != Value::Null;

    let status = match (code.as_str(), was_executed, media) {
        _ if has_data => StatusCode::OK,
        ("SERVICE_UNAVAILABLE" | "SERVER_BUSY", ..) => StatusCode::SERVICE_UNAVAILABLE,
        ("INTERNAL", ..) => StatusCode::INTERNAL_SERVER_ERROR,
        ("UNAUTHENTICATED", false, _) => StatusCode::UNAUTHORIZED,
        (_, true, _) | (_, false, Media::Json) => StatusCode::OK,
        (_, false, Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
    };
    let mut answer = if was_executed {
        GraphQLResponse(response).into_response()
    } else {
        Body::from_json(Errors { errors: response.errors }).expect("errors are JSON").into()
    };
    answer.set_status(status);
    match status {
        StatusCode::UNAUTHORIZED => {
            // RFC 6750 §3.1: no error code if the request has no token
            let challenge = if reason.is_none_or(|reason| reason.contains("MISSING")) {
                "Bearer"
            } else {
                "Bearer error=\"invalid_token\""
            };
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    answer
}

/// Returns whether errors prevented execution. Such errors have no path, unlike errors of fields.
pub(super) fn is_request_error(response: &GraphqlResponse) -> bool {
    !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

pub(super) fn extension<'e>(error: &'e ServerError, name: &str) -> Option<&'e Value> {
    error.extensions.as_ref().and_then(|extensions| extensions.get(name))
}
