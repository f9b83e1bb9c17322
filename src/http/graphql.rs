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
use poem::{
    Body, Endpoint, IntoResponse, Request, Response, Result,
    error::ReadBodyError,
    http::{HeaderValue, Method, StatusCode, header},
};
use serde_json::{Map, Value as Json};

use super::{
    answer::{self, Errors},
    client::client,
    media::{self, Media},
    refresh_cookie::{self, RefreshCookie},
    sockets::Sockets,
};
use crate::{
    app::App,
    graphql::{
        self, ApiSchema,
        caller::Caller,
        error::ApiError,
        error_redaction::code,
        guard::{documents::Documents, operation::chosen_operation},
    },
};

mod protocol;
mod socket;
mod subscriptions;
mod upgrade;
mod wire;

/// The most bytes of a request's body, and of a WebSocket's message.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_TIME_LIMIT: Duration = Duration::from_secs(20);

/// The longest that an operation may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// `/graphql`.
pub(super) struct GraphqlEndpoint {
    app: Arc<App>,
    documents: Documents,
    schema: ApiSchema,
    cookie: RefreshCookie,
    sockets: Sockets,
}

/// Tells a client that has sent a document's hash in place of the document to send that, from now on, as Apollo's servers do without
/// persisted queries. Apollo Client and urql know the words.
const HASH_ALONE: &str = "PersistedQueryNotSupported";

/// Why a request is refused before any GraphQL.
struct Refusal(StatusCode, String);

impl Refusal {
    fn into_response(self) -> Response {
        let code = match self.0 {
            StatusCode::OK => "PERSISTED_QUERY_NOT_SUPPORTED",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::TOO_MANY_REQUESTS => "LIMIT_EXCEEDED",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            _ => "BAD_REQUEST",
        };
        answer::refusal(self.0, code, &self.1)
    }
}

impl GraphqlEndpoint {
    pub(super) fn new(app: Arc<App>, documents: Documents, sockets: Sockets) -> Self {
        let schema = graphql::schema(app.clone(), documents.clone());
        let cookie = RefreshCookie::new(&app.config);
        Self { app, documents, schema, cookie, sockets }
    }

    async fn answer(&self, request: &mut Request, media: Media) -> Result<Response, Refusal> {
        let client = client(request, &self.app.config.trusted_proxies);
        let operation = match *request.method() {
            Method::GET => from_query_string(request.uri().query().unwrap_or_default())?,
            Method::POST => from_body(request).await?,
            _ => {
                return Err(Refusal(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Send POST, or GET for a query.".to_owned(),
                ));
            }
        };
        if *request.method() == Method::GET && !self.is_query(&operation) {
            let message = "Only queries may be sent by GET: a link must not change anything.".to_owned();
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        let headers = request.headers();
        let delivery = match *request.method() {
            Method::POST => self.cookie.read(headers)?,
            // what a link can send has no cookie
            _ => Arc::default(),
        };
        let credentials = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = Caller::new(client, credentials.and_then(bearer)).delivering(delivery.clone());
        let operation = operation.data(caller);
        let executed = tokio::time::timeout(TIME_LIMIT, self.schema.execute(operation)).await;
        let late = |_| {
            tracing::error!("an operation took too long");
            GraphqlResponse::from_errors(vec![ApiError::ServiceUnavailable.into()])
        };
        let mut answer = respond(executed.unwrap_or_else(late), media);
        if let Some(cookie) = delivery.change().and_then(|change| self.cookie.set(&change)) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(answer)
    }

    /// Whether the operation that would run is a query. One that cannot be told is left to the schema to refuse.
    fn is_query(&self, operation: &GraphqlRequest) -> bool {
        kind(&self.app, &self.documents, operation).map_or(true, |kind| kind == OperationType::Query)
    }
}

/// The kind of the operation that would run.
///
/// # Errors
/// What is wrong with the document.
fn kind(app: &App, documents: &Documents, operation: &GraphqlRequest) -> Result<OperationType, ServerError> {
    let document = documents.judge(&operation.query, &operation.variables, &app.config.graphql_limits)?;
    Ok(chosen_operation(&document.executable, operation.operation_name.as_deref())?.ty)
}

impl Endpoint for GraphqlEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if upgrade::is_asked_for(&request) {
            return Ok(self.upgrade(request).await.unwrap_or_else(Refusal::into_response));
        }
        let Some(media) = Media::negotiate(request.headers()) else {
            let message = "Answers are application/graphql-response+json or application/json.";
            return Ok(answer::refusal(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message));
        };
        let is_get = request.method() == Method::GET;
        let mut answer = self.answer(&mut request, media).await.unwrap_or_else(|refusal| {
            let status = refusal.0;
            let mut refusal = refusal.into_response();
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
    media::check_json(request.headers())
        .map_err(|message| Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned()))?;
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

impl From<refresh_cookie::Refused> for Refusal {
    fn from(refused: refresh_cookie::Refused) -> Self {
        match refused {
            refresh_cookie::Refused::Origin => Self(
                StatusCode::FORBIDDEN,
                "Cookie mode is for browsers on an allowed origin of the server's own site: see ALLOWED_ORIGINS."
                    .to_owned(),
            ),
            refresh_cookie::Refused::Site(message) => Self(StatusCode::FORBIDDEN, message),
            refresh_cookie::Refused::Header => bad_request("X-Token-Delivery is `cookie` or `body`."),
        }
    }
}

fn bad_request(message: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message.to_owned())
}

/// The access token of `Bearer …` (RFC 6750 §2.1).
fn bearer(credentials: &str) -> Option<secrecy::SecretString> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// The answer of the schema as one of HTTP. An error without a path came before execution, and then there is no `data`.
fn respond(response: GraphqlResponse, media: Media) -> Response {
    let was_executed = !is_request_error(&response);
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

/// Whether nothing was executed: an error of a field has a path.
fn is_request_error(response: &GraphqlResponse) -> bool {
    !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

fn extension<'e>(error: &'e ServerError, name: &str) -> Option<&'e Value> {
    error.extensions.as_ref().and_then(|extensions| extensions.get(name))
}
