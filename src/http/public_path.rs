//! The path of `PUBLIC_URL`, if the URL has one. Some proxies remove this path from requests and others keep it, so the
//! server accepts requests with and without it. Pages load their files by relative URLs, which work in both cases.

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{StatusCode, Uri, header, uri::PathAndQuery},
};

use crate::config::Config;

/// Removes the path of `PUBLIC_URL` from requests.
pub(super) struct PublicPath(Option<String>);

impl PublicPath {
    pub(super) fn new(config: &Config) -> Self {
        let path = config.server.public_url.path().trim_end_matches('/');
        // a path of `/graphql` probably means the API itself, which must stay reachable there
        Self((!["", "/graphql"].contains(&path)).then(|| path.to_owned()))
    }
}

impl<E: Endpoint> Middleware<E> for PublicPath {
    type Output = Stripped<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Stripped { inner, path: self.0.clone() }
    }
}

pub(super) struct Stripped<E> {
    inner: E,
    path: Option<String>,
}

impl<E: Endpoint> Endpoint for Stripped<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let Some(path) = &self.path else { return Ok(self.inner.call(request).await?.into_response()) };
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        match request.uri().path().strip_prefix(path.as_str()) {
            // relative URLs are resolved from the last slash
            Some("") => {
                let found = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
                return Ok(found.header(header::LOCATION, format!("{path}/{query}")).finish());
            }
            Some(rest) if rest.starts_with('/') => {
                let mut parts = request.uri().clone().into_parts();
                parts.path_and_query = PathAndQuery::try_from(format!("{rest}{query}")).ok();
                if let Ok(stripped) = Uri::from_parts(parts) {
                    *request.uri_mut() = stripped;
                }
            }
            _ => {}
        }
        Ok(self.inner.call(request).await?.into_response())
    }
}
