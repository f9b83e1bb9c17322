//! HTTP requests to providers, with limits on time and size, and without redirects.

use std::time::Duration;

use reqwest::{
    Request, StatusCode,
    header::{AGE, CACHE_CONTROL, HeaderMap},
    redirect,
};
use serde::de::DeserializeOwned;

use super::{Provider, ProviderError, TIME_LIMIT};
use crate::telemetry::traces::span;

/// The size limit of a response, in bytes. The longest responses, which are lists of keys, are about sixteen thousand
/// bytes long.
const MAX_ANSWER: usize = 256 * 1024;

/// The minimum and maximum time for which a document is kept, whatever its headers say.
const LEAST_FRESH: time::Duration = time::Duration::MINUTE;
const MOST_FRESH: time::Duration = time::Duration::DAY;

/// A response.
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) fresh_for: time::Duration,
    pub(super) body: Vec<u8>,
}

/// Returns a client that follows no redirects, so that every response comes from the requested URL. `is_here` tells
/// whether the provider is on this machine.
pub(super) fn http_client(is_here: bool) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(TIME_LIMIT)
        .user_agent(concat!("gatehouse/", env!("CARGO_PKG_VERSION")));
    if is_here { builder.no_proxy() } else { builder.https_only(true) }.build()
}

impl Provider {
    /// Sends a request, and reads at most `MAX_ANSWER` bytes of the response.
    pub(super) async fn fetch(&self, request: reqwest::Result<Request>) -> Result<Fetched, ProviderError> {
        span("sign-in provider", self.fetch_unmeasured(request)).await
    }

    async fn fetch_unmeasured(&self, request: reqwest::Result<Request>) -> Result<Fetched, ProviderError> {
        // the URL of a request may contain secrets, which must not be logged
        let failed = |error: reqwest::Error| ProviderError::unavailable(error.without_url());
        let mut answer = self.http.execute(request.map_err(failed)?).await.map_err(failed)?;
        let (status, fresh_for) = (answer.status(), fresh_for(answer.headers()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::unavailable("the response is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, fresh_for, body })
    }
}

impl Fetched {
    /// Returns the response if its status is 200.
    pub(super) fn good(self) -> Result<Self, ProviderError> {
        if self.status == StatusCode::OK {
            return Ok(self);
        }
        Err(ProviderError::unavailable(format!("the response has the status {}", self.status)))
    }

    /// Parses the provider's response about a token. A client error means that the token is invalid.
    pub(super) fn vouched_for<T: DeserializeOwned>(self, refusal: &'static str) -> Result<T, ProviderError> {
        let refusals = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if refusals.contains(&self.status) {
            return Err(ProviderError::Rejected(refusal));
        }
        // the parser's message may quote the response
        let read = serde_json::from_slice(&self.good()?.body);
        read.map_err(|_| ProviderError::unavailable("the response has an unexpected form"))
    }
}

/// Returns how long a response stays fresh, from now (RFC 9111 §4.2).
fn fresh_for(headers: &HeaderMap) -> time::Duration {
    let number = |text: &str| text.trim().trim_matches('"').parse::<i64>().ok();
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = directives.flat_map(|value| value.split(','));
    let max_age = directives.find_map(|directive| match directive.trim().split_once('=') {
        Some((name, seconds)) if name.eq_ignore_ascii_case("max-age") => number(seconds),
        _ => None,
    });
    let age = headers.get(AGE).and_then(|value| number(value.to_str().ok()?)).unwrap_or_default();
    let left = max_age.unwrap_or_default().saturating_sub(age.max(0));
    time::Duration::seconds(left).clamp(LEAST_FRESH, MOST_FRESH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_for_as_long_as_it_says_within_reason() {
        for (headers, seconds) in [
            (vec![("cache-control", "public, max-age=21600, must-revalidate")], 21600),
            (vec![("cache-control", "public"), ("cache-control", "Max-Age=\"600\"")], 600),
            (vec![("cache-control", "max-age=600"), ("age", "100")], 500),
            (vec![("cache-control", "max-age=600"), ("age", "6000")], 60),
            (vec![("cache-control", "max-age=99999999999999999999")], 60),
            (vec![("cache-control", "max-age=9999999999")], 86400),
            (vec![("cache-control", "no-store")], 60),
            (vec![], 60),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(fresh_for(&map), time::Duration::seconds(seconds), "{headers:?}");
        }
    }
}
