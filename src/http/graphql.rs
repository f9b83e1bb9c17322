//! GraphQL over HTTP, following the draft specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! This replaces the framework's handler, which accepts too much: mutations by GET (a link can send
//! these), mutations as `text/plain` (a form on any site can send these), batches, and bodies of any
//! size.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, parser::types::OperationType};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, Method, StatusCode, header},
};

use super::{answer, client::client, media::Media, refresh_cookie::RefreshCookie, sockets::Sockets};
use crate::{
    app::App,
    graphql::{
        self, ApiSchema,
        caller::Caller,
        error::{ApiError, TopLevelErrorCode},
        guard::documents::Documents,
    },
    telemetry::{self, LogLimit},
};
use refusal::Refusal;
use request::{bearer, from_body, from_query_string, operation_type};
use response::respond;
use socket::Socket;

mod protocol;
mod refusal;
mod request;
mod response;
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
}

impl GraphqlEndpoint {
    pub(super) fn new(app: Arc<App>, documents: Documents, sockets: Sockets) -> Self {
        let schema = graphql::schema(app.clone(), documents.clone());
        let cookie = RefreshCookie::new(&app.config);
        Self { app, documents, schema, cookie, sockets }
    }

    async fn answer(&self, request: &mut Request, media: Media) -> Result<Response, Refusal> {
        let client = client(request, &self.app.config.server.trusted_proxies);
        let operation = match *request.method() {
            Method::GET => from_query_string(request.uri().query().unwrap_or_default())?,
            Method::POST => from_body(request).await?,
            _ => {
                return Err(Refusal(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Use POST, or GET for a query.".to_owned(),
                ));
            }
        };
        if *request.method() == Method::GET && !self.is_query(&operation) {
            let message = "GET requests may only contain queries. Use POST for mutations.".to_owned();
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        let headers = request.headers();
        let delivery = match *request.method() {
            Method::POST => self.cookie.read(headers)?,
            // a link can send GET requests, so their cookies are ignored
            _ => Arc::default(),
        };
        let credentials = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = Caller::new(client, credentials.and_then(bearer)).delivering(delivery.clone());
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
        let mut answer = respond(executed.unwrap_or_else(late), media);
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

    /// Returns whether the operation that would run is a query. If the document is invalid, the schema is
    /// left to refuse it.
    fn is_query(&self, operation: &GraphqlRequest) -> bool {
        operation_type(&self.app, &self.documents, operation)
            .map_or(true, |found| found == OperationType::Query)
    }
}

impl Endpoint for GraphqlEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if upgrade::is_asked_for(&request) {
            let upgraded = upgrade::upgrade(self.socket(&request), request).await;
            return Ok(upgraded.unwrap_or_else(Refusal::into_response));
        }
        let Some(media) = Media::negotiate(request.headers()) else {
            let message = "Accept must include application/graphql-response+json or application/json.";
            return Ok(answer::refusal(StatusCode::NOT_ACCEPTABLE, TopLevelErrorCode::BadRequest, message));
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
