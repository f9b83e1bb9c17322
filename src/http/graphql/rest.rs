//! REST endpoints of the trusted documents: `POST /op/<name>` with the variables as JSON. Queries also accept `GET`,
//! with the variables in the query string. The documents run as they do at `/graphql`, under the same guard and limits.

use std::sync::Arc;

use async_graphql::{Request as GraphqlRequest, Variables};
use poem::{
    Endpoint, Request, Response, Result,
    http::{Method, StatusCode, header},
};
use serde_json::{Map, Value as Json};

use super::{
    GraphqlEndpoint, complete,
    refusal::{Refusal, bad_request},
    request::{read_json, read_query_string},
};
use crate::{
    graphql::{guard::trusted_documents::TrustedOperation, openapi},
    http::{answer, media::Media},
};

/// The path of an operation's endpoint.
pub(in crate::http) const PATH: &str = "/op/:name";

/// The endpoints of all operations.
pub(in crate::http) struct RestEndpoint(pub(in crate::http) Arc<GraphqlEndpoint>);

impl RestEndpoint {
    /// Returns the operation that the path of a request names. A percent-encoded path names no operation, so it cannot be used
    /// to evade a proxy's rules for paths.
    fn operation(&self, request: &Request) -> Option<&TrustedOperation> {
        let name = request.uri().path().rsplit('/').next()?;
        self.0.documents.trusted().operation(name).filter(|operation| !operation.is_subscription())
    }

    async fn answer(&self, request: &mut Request) -> Result<Response, Refusal> {
        let Some(operation) = self.operation(request) else {
            let message = if self.0.app.config.server.introspection {
                "There is no operation with this name. /openapi.json lists all operations."
            } else {
                "There is no operation with this name."
            };
            return Err(Refusal::new(StatusCode::NOT_FOUND, message));
        };
        let variables = match *request.method() {
            Method::GET if operation.is_query() => {
                let pairs = read_query_string(request.uri().query().unwrap_or_default())?;
                operation.variables_from_text(pairs)
            }
            Method::GET => {
                let message = "This operation is a mutation: use POST.";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
            }
            Method::POST => match read_json(request).await? {
                Json::Object(variables) => operation.check_variables(variables),
                Json::Null => Ok(Map::new()),
                _ => return Err(bad_request("The body must be a JSON object with the variables.")),
            },
            _ => return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Use POST, or GET for a query.")),
        };
        let variables = variables.map_err(|problem| bad_request(&problem))?;
        let to_run =
            GraphqlRequest::new(&operation.text).variables(Variables::from_json(Json::Object(variables)));
        // with this media type, the status says whether the operation was executed
        self.0.run(request, to_run, Media::GraphqlResponse).await
    }
}

impl Endpoint for RestEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let is_query = self.operation(&request).is_some_and(TrustedOperation::is_query);
        let allowed = if is_query { "GET, POST" } else { "POST" };
        let answer = self.answer(&mut request).await;
        Ok(complete(answer, Media::Json, allowed))
    }
}

/// The OpenAPI description of the endpoints. It contains parts of the schema, so it is available only if
/// `INTROSPECTION` is on.
pub(in crate::http) struct OpenApi(pub(in crate::http) Arc<GraphqlEndpoint>);

impl Endpoint for OpenApi {
    type Output = Response;

    async fn call(&self, _: Request) -> Result<Response> {
        let app = &self.0.app;
        if !app.config.server.introspection {
            return Ok(answer::nothing("This server does not describe its API: see INTROSPECTION."));
        }
        let json =
            self.0.openapi.get_or_init(|| openapi::describe(&self.0.documents, app.config.server.base_url()));
        let answer = Response::builder().content_type("application/json; charset=utf-8");
        Ok(answer.header(header::CACHE_CONTROL, "public, max-age=60").body(json.clone()))
    }
}
