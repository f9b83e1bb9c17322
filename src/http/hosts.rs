//! The host names that the server accepts. Refusing all others prevents DNS rebinding, an attack in which the host name
//! of a malicious page resolves to this server.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{StatusCode, header, uri::Authority},
};

use super::{answer, media};
use crate::{config::Config, graphql::error::TopLevelErrorCode};

/// Responds with 421 (RFC 9110 §15.5.20) to requests for any host name that is not in this list.
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(config: &Config) -> Self {
        Self(config.server.allowed_hosts.clone())
    }
}

impl<E: Endpoint> Middleware<E> for AllowedHosts {
    type Output = Checked<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Checked { inner, allowed: self.0.clone() }
    }
}

pub(super) struct Checked<E> {
    inner: E,
    allowed: Vec<String>,
}

impl<E: Endpoint> Endpoint for Checked<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let prefers_html = media::prefers_html(request.headers());
        // a request may name its host more than once: in its target and in headers
        let target = request.uri().authority().map(Authority::as_str);
        let headers = request.headers().get_all(header::HOST).into_iter();
        let named: Vec<&str> =
            target.into_iter().chain(headers.map(|host| host.to_str().unwrap_or_default())).collect();
        if !named.is_empty() && named.into_iter().all(|host| self.is_allowed(host)) {
            return Ok(self.inner.call(request).await?.into_response());
        }
        let message = "This server does not accept requests for this host name: see ALLOWED_HOSTS.";
        let refusal =
            answer::refusal(StatusCode::MISDIRECTED_REQUEST, TopLevelErrorCode::BadRequest, message);
        Ok(if prefers_html { answer::as_page(refusal, message) } else { refusal })
    }
}

impl<E> Checked<E> {
    fn is_allowed(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host().to_ascii_lowercase();
        self.allowed.contains(&name)
    }
}
