//! Security headers for every response, unless its route has set its own.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderName, HeaderValue, header},
};

use crate::config::Config;

/// Forbids framing, running scripts and content sniffing. Our own pages set policies that allow what they need.
pub(super) const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Makes browsers use https only, for a year (RFC 6797).
const HTTPS_ONLY: &str = "max-age=31536000";

/// Adds the headers.
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
