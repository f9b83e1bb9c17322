//! Security headers for every response. A route can set its own values for them.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderName, HeaderValue, header},
};

use crate::config::Config;

/// The headers that every response gets. Among other things, they forbid framing, scripts and content sniffing. The
/// server's own pages set policies that allow what the pages need.
pub(super) const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Makes browsers use only https for a year (RFC 6797).
const HTTPS_ONLY: &str = "max-age=31536000";

/// Adds the security headers to responses.
pub(super) struct SecurityHeaders {
    is_https: bool,
}

impl SecurityHeaders {
    pub(super) fn new(config: &Config) -> Self {
        Self { is_https: config.server.public_url.scheme() == "https" }
    }
}

impl<E: Endpoint> Middleware<E> for SecurityHeaders {
    type Output = Secured<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Secured { inner, is_https: self.is_https }
    }
}

pub(super) struct Secured<E> {
    inner: E,
    is_https: bool,
}

impl<E: Endpoint> Endpoint for Secured<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut answer = self.inner.call(request).await?.into_response();
        let https = self.is_https.then_some((header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY));
        for (name, value) in ALWAYS.into_iter().chain(https) {
            answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        Ok(answer)
    }
}
