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
    graphql::guard::{
        documents::Documents,
        operation::{chosen_operation, root_fields},
        policy::{Access, access},
        trusted_documents::TrustedDocuments,
    },
    http::media,
};

/// The size limit of a request body and of a WebSocket message, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// The time limit for receiving a body.
const BODY_TIME_LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn from_body(
    request: &mut Request,
    trusted: &TrustedDocuments,
) -> Result<GraphqlRequest, Refusal> {
    match read_json(request).await? {
        Json::Object(parameters) => from_parameters(parameters, trusted),
        Json::Array(_) => Err(bad_request("Batches are not supported: send one operation per request.")),
        _ => Err(bad_request("The body must be a JSON object.")),
    }
}

/// Reads a JSON body. An empty body counts as `null`.
pub(super) async fn read_json(request: &mut Request) -> Result<Json, Refusal> {
    media::check_json(request.headers())
        .map_err(|message| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))?;
    if request.headers().get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        let message = "Compressed bodies are not supported.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = tokio::time::timeout(BODY_TIME_LIMIT, request.take_body().into_bytes_limit(MAX_BODY));
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.");
    let body = body.await.map_err(late)?.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {MAX_BODY} bytes."))
        }
        _ => bad_request("The body could not be read."),
    })?;
    if body.is_empty() {
        return Ok(Json::Null);
    }
    let malformed = |error| bad_request(&format!("The body is not well-formed JSON: {error}."));
    serde_json::from_slice(&body).map_err(malformed)
}

pub(super) fn from_query_string(text: &str, trusted: &TrustedDocuments) -> Result<GraphqlRequest, Refusal> {
    let mut parameters = Map::new();
    for (name, value) in read_query_string(text)? {
        let value = match name.as_str() {
            "query" | "operationName" | "documentId" | "doc_id" | "id" => Json::String(value),
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|error| bad_request(&format!("`{name}` is not well-formed JSON: {error}.")))?,
            _ => continue,
        };
        parameters.insert(name, value);
    }
    from_parameters(parameters, trusted)
}

pub(super) fn read_query_string(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    serde_urlencoded::from_str(text).map_err(|_| bad_request("The query string is not well-formed."))
}

pub(super) fn from_parameters(
    mut parameters: Map<String, Json>,
    trusted: &TrustedDocuments,
) -> Result<GraphqlRequest, Refusal> {
    let query = parameters.remove("query").filter(|value| !value.is_null());
    let mut request = match query {
        Some(Json::String(query)) => GraphqlRequest::new(query),
        Some(_) => return Err(bad_request("`query` must be a string.")),
        None => match document_id(&parameters) {
            Some(Json::String(id)) => {
                let text = trusted.text(id).ok_or_else(|| Refusal::unknown_document(trusted))?;
                GraphqlRequest::new(&*text)
            }
            Some(_) => return Err(Refusal::unknown_document(trusted)),
            None => return Err(bad_request("`query` is missing.")),
        },
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

/// Returns the document's ID. Its name differs between the GraphQL over HTTP specification, Apollo Client and urql, and
/// Relay's documentation.
fn document_id(parameters: &Map<String, Json>) -> Option<&Json> {
    let persisted = parameters.get("extensions").map(|extensions| &extensions["persistedQuery"]);
    let hash = persisted.map(|persisted| &persisted["sha256Hash"]);
    let others = ["documentId", "doc_id", "id"].into_iter().filter_map(|name| parameters.get(name));
    let found = hash.into_iter().chain(others).find(|id| !id.is_null());
    // a persisted query without a hash counts as an unknown document
    found.or_else(|| persisted.filter(|persisted| persisted.is_object()))
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

/// Returns whether the operation that would run selects only fields that need no access token.
pub(super) fn is_public(app: &App, documents: &Documents, operation: &GraphqlRequest) -> bool {
    let limits = &app.config.graphql_limits;
    let Ok(document) = documents.judge(&operation.query, &operation.variables, limits) else { return false };
    let chosen = chosen_operation(&document.executable, operation.operation_name.as_deref());
    chosen.is_ok_and(|chosen| {
        let fields = root_fields(&document.executable, chosen);
        fields.into_iter().all(|field| access(field) == Access::Anybody)
    })
}
