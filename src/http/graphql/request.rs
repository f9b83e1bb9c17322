//! Reads a GraphQL request from an HTTP request.

use std::time::Duration;

use async_graphql::{Request as GraphqlRequest, ServerError, Variables, parser::types::OperationType};
use poem::{
    Request,
    error::ReadBodyError,
    http::{StatusCode, header},
};
use serde_json::{Map, Value as Json};

use super::refusal::{Refusal, bad_request};
use crate::{
    app::App,
    graphql::guard::{documents::Documents, operation::chosen_operation},
    http::media,
};

/// The size limit of a request body and of a WebSocket message, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// The time limit for receiving a body.
const BODY_TIME_LIMIT: Duration = Duration::from_secs(20);

/// Makes clients that sent the hash of a document send the document itself from now on. Apollo's servers use
/// the same message when persisted queries are off, and Apollo Client and urql recognize it.
const HASH_ALONE: &str = "PersistedQueryNotSupported";

pub(super) async fn from_body(request: &mut Request) -> Result<GraphqlRequest, Refusal> {
    media::check_json(request.headers())
        .map_err(|message| Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned()))?;
    if request.headers().get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        let message = "Compressed bodies are not supported.".to_owned();
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = tokio::time::timeout(BODY_TIME_LIMIT, request.take_body().into_bytes_limit(MAX_BODY));
    let late = |_| Refusal(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.".to_owned());
    let body = body.await.map_err(late)?.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => {
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("The body has more than {MAX_BODY} bytes."))
        }
        _ => bad_request("The body could not be read."),
    })?;
    match serde_json::from_slice(&body) {
        Ok(Json::Object(parameters)) => from_parameters(parameters),
        Ok(Json::Array(_)) => Err(bad_request("Batches are not supported: send one operation per request.")),
        Ok(_) => Err(bad_request("The body must be a JSON object.")),
        Err(error) => Err(bad_request(&format!("The body is not well-formed JSON: {error}."))),
    }
}

pub(super) fn from_query_string(text: &str) -> Result<GraphqlRequest, Refusal> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(text).map_err(|_| bad_request("The query string is not well-formed."))?;
    let mut parameters = Map::new();
    for (name, value) in pairs {
        let value = match name.as_str() {
            "query" | "operationName" => Json::String(value),
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|error| bad_request(&format!("`{name}` is not well-formed JSON: {error}.")))?,
            _ => continue,
        };
        parameters.insert(name, value);
    }
    from_parameters(parameters)
}

pub(super) fn from_parameters(mut parameters: Map<String, Json>) -> Result<GraphqlRequest, Refusal> {
    let query = parameters.remove("query").filter(|value| !value.is_null());
    let mut request = match query {
        Some(Json::String(query)) => GraphqlRequest::new(query),
        Some(_) => return Err(bad_request("`query` must be a string.")),
        None if has_hash(&parameters) => {
            return Err(Refusal(StatusCode::OK, HASH_ALONE.to_owned()));
        }
        None => return Err(bad_request("`query` is missing.")),
    };
    let mut take = |name| parameters.remove(name).filter(|value| !value.is_null());
    request = match take("operationName") {
        None => request,
        Some(Json::String(name)) => request.operation_name(name),
        Some(_) => return Err(bad_request("`operationName` must be a string.")),
    };
    request = match take("variables") {
        None => request,
        Some(variables @ Json::Object(_)) => request.variables(Variables::from_json(variables)),
        Some(_) => return Err(bad_request("`variables` must be an object.")),
    };
    match take("extensions") {
        None | Some(Json::Object(_)) => Ok(request),
        Some(_) => Err(bad_request("`extensions` must be an object.")),
    }
}

fn has_hash(parameters: &Map<String, Json>) -> bool {
    parameters.get("extensions").is_some_and(|extensions| extensions["persistedQuery"].is_object())
}

/// Returns the token of `Bearer …` (RFC 6750 §2.1).
pub(super) fn bearer(credentials: &str) -> Option<secrecy::SecretString> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// Returns the type of the operation that would run.
pub(super) fn operation_type(
    app: &App,
    documents: &Documents,
    operation: &GraphqlRequest,
) -> Result<OperationType, ServerError> {
    let document = documents.judge(&operation.query, &operation.variables, &app.config.graphql_limits)?;
    Ok(chosen_operation(&document.executable, operation.operation_name.as_deref())?.ty)
}
