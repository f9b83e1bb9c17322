//! GraphQL over HTTP, following the draft specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! This replaces the framework's handler, which accepts too much: mutations by GET (a link can send
//! these), mutations as `text/plain` (a form on any site can send these), batches, and bodies of any
//! size.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, parser::types::OperationType};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, Method, StatusCode, header},
};
use secrecy::SecretString;

use super::{
    answer,
    client::client,
    deadlines::Streams,
    media::{self, Media},
    refresh_cookie::RefreshCookie,
    sockets::Sockets,
};
use crate::{
    app::App,
    graphql::{
        self, ApiSchema,
        caller::Caller,
        error::{ApiError, TopLevelErrorCode},
        guard::{
            documents::Documents,
            operation::{chosen_operation, root_fields},
        },
    },
    telemetry::{self, LogLimit},
};
use event_stream::NoStream;
use refusal::Refusal;
use request::{bearer, from_body, from_query_string, operation_type};
use response::respond;
use socket::Socket;

mod event_stream;
mod protocol;
mod refusal;
mod request;
mod response;
pub(super) mod rest;
mod socket;
mod subscriptions;
mod upgrade;
mod wire;

/// The time limit of an operation.
const TIME_LIMIT: Duration = Duration::from_secs(10);

static LATE_LIMIT: LogLimit = LogLimit::new();

/// The endpoint `/graphql`.
pub(super) struct GraphqlEndpoint {
    app: Arc<App>,
    documents: Documents,
    schema: ApiSchema,
    cookie: RefreshCookie,
    sockets: Sockets,
    /// The OpenAPI description of the REST endpoints, which is generated when it is first requested.
    openapi: OnceLock<String>,
}

impl GraphqlEndpoint {
    pub(super) fn new(app: Arc<App>, documents: Documents, sockets: Sockets) -> Self {
        let schema = graphql::schema(app.clone(), documents.clone());
        let cookie = RefreshCookie::new(&app.config);
        Self { app, documents, schema, cookie, sockets, openapi: OnceLock::new() }
    }

    /// Responds to a request. `media` is `None` if the client accepts nothing but server-sent events.
    async fn answer(&self, request: &mut Request, media: Option<Media>) -> Result<Response, Refusal> {
        let trusted = self.documents.trusted();
        let operation = match *request.method() {
            Method::GET => from_query_string(request.uri().query().unwrap_or_default(), trusted)?,
            Method::POST => from_body(request, trusted).await?,
            _ => {
                let message = "Use POST, or GET for a query.";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
            }
        };
        if *request.method() == Method::GET && !self.is_query(&operation) {
            let message = "GET requests may contain only queries. Use POST for mutations, and a stream for subscriptions.";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        match media {
            Some(media)
                if !(media::accepts_events(request.headers()) && self.is_subscription(&operation)) =>
            {
                self.run(request, operation, media).await
            }
            media => {
                let media = media.unwrap_or(Media::GraphqlResponse);
                self.stream(request, operation, access_token(request), media).await
            }
        }
    }

    /// Runs the operation of a request.
    async fn run(
        &self,
        request: &Request,
        operation: GraphqlRequest,
        media: Media,
    ) -> Result<Response, Refusal> {
        let is_cacheable = *request.method() == Method::GET && self.is_same_for_all(&operation);
        let delivery = match *request.method() {
            Method::POST => self.cookie.read(request.headers())?,
            // a link can send GET requests, so their cookies are ignored
            _ => Arc::default(),
        };
        let client = client(request, &self.app.config.server.trusted_proxies);
        let caller = Caller::new(client, access_token(request)).delivering(delivery.clone());
        let operation = operation.data(caller);
        let executed = tokio::time::timeout(TIME_LIMIT, self.schema.execute(operation)).await;
        let late = |_| {
            telemetry::note_cause("time_limit");
            telemetry::note(|notes| {
                notes.outcome = Some(TopLevelErrorCode::ServiceUnavailable.name().to_owned());
            });
            LATE_LIMIT.log(|left_out| tracing::error!(left_out, "an operation exceeded the time limit"));
            GraphqlResponse::from_errors(vec![ApiError::ServiceUnavailable.into()])
        };
        let response = executed.unwrap_or_else(late);
        let is_cacheable = is_cacheable && response.is_ok();
        let mut answer = respond(response, media);
        if is_cacheable {
            let headers = answer.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(change) = delivery.change() {
            let headers = answer.headers_mut();
            if let Some(cookie) = self.cookie.set(&change) {
                headers.append(header::SET_COOKIE, cookie);
            }
            if let Some(kinds) = self.cookie.clear_site_data(&change) {
                headers.insert("clear-site-data", kinds);
            }
        }
        Ok(answer)
    }

    async fn stream(
        &self,
        request: &Request,
        operation: GraphqlRequest,
        token: Option<SecretString>,
        media: Media,
    ) -> Result<Response, Refusal> {
        event_stream::respond(self.socket(request), operation, token).await.or_else(|error| match error {
            NoStream::Refused(refusal) => Err(refusal),
            NoStream::Failed(error) => Ok(respond(GraphqlResponse::from_errors(vec![error]), media)),
        })
    }

    fn socket(&self, request: &Request) -> Socket {
        Socket {
            app: self.app.clone(),
            documents: self.documents.clone(),
            schema: self.schema.clone(),
            sockets: self.sockets.clone(),
            closing: self.sockets.closing(),
            client: client(request, &self.app.config.server.trusted_proxies),
        }
    }

    fn is_subscription(&self, operation: &GraphqlRequest) -> bool {
        operation_type(&self.app, &self.documents, operation)
            .is_ok_and(|found| found == OperationType::Subscription)
    }

    /// Returns whether the operation selects only fields that are the same for every caller and rarely change.
    fn is_same_for_all(&self, operation: &GraphqlRequest) -> bool {
        let limits = &self.app.config.graphql_limits;
        let Ok(document) = self.documents.judge(&operation.query, &operation.variables, limits) else {
            return false;
        };
        let chosen = chosen_operation(&document.executable, operation.operation_name.as_deref());
        chosen.is_ok_and(|chosen| {
            root_fields(&document.executable, chosen)
                .iter()
                .all(|field| ["authSettings", "__typename"].contains(field))
        })
    }

    /// Returns whether the operation that would run is a query. Returns `true` for an invalid document, which the
    /// schema then refuses.
    fn is_query(&self, operation: &GraphqlRequest) -> bool {
        operation_type(&self.app, &self.documents, operation)
            .map_or(true, |found| found == OperationType::Query)
    }
}

/// Returns the access token in the `Authorization` header.
fn access_token(request: &Request) -> Option<SecretString> {
    let credentials = request.headers().get(header::AUTHORIZATION)?;
    bearer(credentials.to_str().ok()?)
}

/// Converts a refusal to a response, and adds the headers that every response needs.
fn complete(answer: Result<Response, Refusal>, media: Media, allowed: &'static str) -> Response {
    let mut answer = answer.unwrap_or_else(|refusal| {
        let status = refusal.status;
        let mut refusal = refusal.into_response();
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            refusal.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        refusal
    });
    let is_stream = answer.extensions().get::<Streams>().is_some();
    let headers = answer.headers_mut();
    if !is_stream {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

impl Endpoint for GraphqlEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if upgrade::is_asked_for(&request) {
            let upgraded = upgrade::upgrade(self.socket(&request), request).await;
            return Ok(upgraded.unwrap_or_else(Refusal::into_response));
        }
        let media = Media::negotiate(request.headers());
        if media.is_none() && !media::accepts_events(request.headers()) {
            let message = "Accept must include application/graphql-response+json or application/json.";
            return Ok(answer::refusal(StatusCode::NOT_ACCEPTABLE, TopLevelErrorCode::BadRequest, message));
        }
        let allowed = if request.method() == Method::GET { "POST" } else { "GET, POST" };
        let answer = self.answer(&mut request, media).await;
        Ok(complete(answer, media.unwrap_or(Media::GraphqlResponse), allowed))
    }
}
