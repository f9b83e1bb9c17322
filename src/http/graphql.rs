//! GraphQL over HTTP, after the specification's draft (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! A handler of our own: the stock one runs mutations by GET, which a link can send, and by `text/plain`, which a form of
//! any site can; it takes batches and bodies of any size.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Request as GraphqlRequest, Response as GraphqlResponse, ServerError, Value, Variables,
    parser::types::OperationType,
};
use async_graphql_poem::GraphQLResponse;
use mime::Mime;
use poem::{
    Body, Endpoint, IntoResponse, Request, Response, Result,
    error::ReadBodyError,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};
use serde_json::{Map, Value as Json};

use super::{
    answer::{self, Errors},
    client::client,
    media::Media,
};
use crate::{
    app::App,
    graphql::{
        self, ApiSchema,
        error::ApiError,
        jwt_guard::{self, Caller},
        limits::chosen_operation,
        tidy::code,
    },
};

/// The most bytes of a request's body.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_TIME_LIMIT: Duration = Duration::from_secs(20);

/// The longest that an operation may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// `/graphql`.
pub(super) struct GraphqlEndpoint {
    app: Arc<App>,
    schema: ApiSchema,
}

/// Why a request is refused before any GraphQL.
struct Refusal(StatusCode, String);

impl GraphqlEndpoint {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { schema: graphql::schema(app.clone()), app }
    }

    async fn answer(&self, request: &mut Request, media: Media) -> Result<Response, Refusal> {
        let client = client(request, &self.app.config.trusted_proxies);
        let mut operation = match *request.method() {
            Method::GET => from_query_string(request.uri().query().unwrap_or_default())?,
            Method::POST => from_body(request).await?,
            _ => {
                return Err(Refusal(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Send POST, or GET for a query.".to_owned(),
                ));
            }
        };
        if *request.method() == Method::GET && !self.is_query(&mut operation) {
            let message = "Only queries may be sent by GET: a link must not change anything.".to_owned();
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        let operation = operation.data(Caller::new(client, bearer(request.headers())));
        let executed = tokio::time::timeout(TIME_LIMIT, self.schema.execute(operation)).await;
        let late = |_| {
            tracing::error!("an operation took too long");
            GraphqlResponse::from_errors(vec![ApiError::ServiceUnavailable.into()])
        };
        Ok(respond(executed.unwrap_or_else(late), media))
    }

    /// Whether the operation that would run is a query. One that cannot be told is left to the schema to refuse.
    fn is_query(&self, operation: &mut GraphqlRequest) -> bool {
        if jwt_guard::parse(operation, &self.app.config.graphql_limits).is_err() {
            return true;
        }
        let name = operation.operation_name.clone();
        let document = operation.parsed_query().ok();
        let chosen = document.and_then(|document| chosen_operation(document, name.as_deref()));
        chosen.is_none_or(|chosen| chosen.ty == OperationType::Query)
    }
}

impl Endpoint for GraphqlEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let Some(media) = Media::negotiate(request.headers()) else {
            let message = "Answers are application/graphql-response+json or application/json.";
            return Ok(answer::refusal(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message));
        };
        let is_get = request.method() == Method::GET;
        let mut answer = self.answer(&mut request, media).await.unwrap_or_else(|Refusal(status, message)| {
            let mut refusal = answer::refusal(status, "BAD_REQUEST", &message);
            if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
                refusal.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            if status == StatusCode::METHOD_NOT_ALLOWED {
                let allowed = if is_get { "POST" } else { "GET, POST" };
                refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            refusal
        });
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }
}

async fn from_body(request: &mut Request) -> Result<GraphqlRequest, Refusal> {
    let content_type = request.content_type().and_then(|text| text.parse::<Mime>().ok());
    let is_json = content_type.is_some_and(|mime| {
        mime.essence_str() == "application/json"
            && mime.get_param("charset").is_none_or(|charset| charset == "utf-8")
    });
    if !is_json {
        let message = "The body must be application/json, and its Content-Type must say so.".to_owned();
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if request.headers().get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        let message = "Send the body as it is: compressed ones are not taken.".to_owned();
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
        Ok(Json::Array(_)) => Err(bad_request("Operations come one by one: batches are not supported.")),
        Ok(_) => Err(bad_request("The body must be a JSON object.")),
        Err(error) => Err(bad_request(&format!("The body is not well-formed JSON: {error}."))),
    }
}

fn from_query_string(text: &str) -> Result<GraphqlRequest, Refusal> {
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

fn from_parameters(mut parameters: Map<String, Json>) -> Result<GraphqlRequest, Refusal> {
    let mut take = |name| parameters.remove(name).filter(|value| !value.is_null());
    let mut request = match take("query") {
        Some(Json::String(query)) => GraphqlRequest::new(query),
        Some(_) => return Err(bad_request("`query` must be a string.")),
        None => return Err(bad_request("`query` is missing.")),
    };
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

fn bad_request(message: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message.to_owned())
}

/// The access token of `Authorization: Bearer …` (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<secrecy::SecretString> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// The answer of the schema as one of HTTP. An error without a path came before execution, and then there is no `data`.
fn respond(response: GraphqlResponse, media: Media) -> Response {
    let was_executed =
        response.errors.is_empty() || response.errors.iter().any(|error| !error.path.is_empty());
    let code = response.errors.first().and_then(code).unwrap_or_default().to_owned();
    let reason =
        response.errors.first().and_then(|error| extension(error, "reason")).map(ToString::to_string);
    let has_data = response.data != Value::Null;

    let status = match (code.as_str(), was_executed, media) {
        _ if has_data => StatusCode::OK,
        ("SERVICE_UNAVAILABLE", ..) => StatusCode::SERVICE_UNAVAILABLE,
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
            // RFC 6750 §3.1: no error where nothing was presented
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

fn extension<'e>(error: &'e ServerError, name: &str) -> Option<&'e Value> {
    error.extensions.as_ref().and_then(|extensions| extensions.get(name))
}
