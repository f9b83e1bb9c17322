//! Reads posted forms (`application/x-www-form-urlencoded`).

use std::time::Duration;

use percent_encoding::percent_decode;
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result, http::Method};
use serde::de::DeserializeOwned;

use super::answer;

/// The size limit of a form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// The time within which a form must arrive.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Returns the fields of the form, or `None` if the form is malformed, is too large or arrives too slowly.
pub(super) async fn read<F: DeserializeOwned>(body: Body) -> Option<F> {
    let bytes = tokio::time::timeout(TIME_LIMIT, body.into_bytes_limit(MAX_FORM)).await.ok()?.ok()?;
    serde_urlencoded::from_bytes(&bytes).ok()
}

/// Decodes a form-encoded value.
pub(super) fn decode(value: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = value.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// An endpoint that accepts nothing but POST.
pub(super) struct PostOnly<E>(pub(super) E);

impl<E: Endpoint<Output: IntoResponse>> Endpoint for PostOnly<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if request.method() == Method::POST {
            return self.0.call(request).await.map(IntoResponse::into_response);
        }
        Ok(answer::not_allowed("POST"))
    }
}
