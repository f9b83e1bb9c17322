//! An id for every request, in its response and in every log record about it.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderValue, StatusCode},
};

use super::{answer, media};
use crate::{clock::Clock, secrets, telemetry};

/// The header with the id.
pub(super) const HEADER: &str = "x-request-id";

/// Gives requests an id, logs them, and converts the framework's errors to the usual format.
pub(super) struct RequestId(pub(super) Clock);

impl<E: Endpoint> Middleware<E> for RequestId {
    type Output = Named<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Named { inner, clock: self.0.clone() }
    }
}

pub(super) struct Named<E> {
    inner: E,
    clock: Clock,
}

impl<E: Endpoint> Endpoint for Named<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = secrets::uuid_v7(self.clock.now()).to_string();
        let prefers_html = media::prefers_html(request.headers());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = async {
            let answer = match self.inner.call(request).await {
                Ok(answer) => answer.into_response(),
                Err(error) => answer::refused(&error, prefers_html),
            };
            let status = answer.status().as_u16();
            if answer.status() >= StatusCode::INTERNAL_SERVER_ERROR {
                tracing::warn!(%method, path, status, "a request failed");
            } else {
                tracing::debug!(%method, path, status, "a request was answered");
            }
            answer
        };
        let mut answer = telemetry::in_request(id.clone(), answer).await;
        if let Ok(id) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(HEADER, id);
        }
        Ok(answer)
    }
}
