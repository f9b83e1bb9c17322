//! The endpoint to which a provider posts its response. It sends the browser on to the app that started the sign-in.

use std::sync::Arc;

use poem::{
    Body, Request, Response, handler,
    http::{StatusCode, header},
    web::{Data, Path},
};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{answer, client::client, form};
use crate::{
    app::App,
    graphql::error::{ApiError, TopLevelErrorCode},
    provider_login,
};

/// The response that a provider posts (OAuth 2.0 Form Post Response Mode).
#[derive(Deserialize)]
struct PostedAnswer {
    state: String,
    code: Option<String>,
    error: Option<String>,
    /// The details that Apple sends about the person, in JSON.
    #[serde(default)]
    user: String,
}

/// Receives a provider's response.
#[handler]
pub(super) async fn callback(
    Data(app): Data<&Arc<App>>,
    Path(provider): Path<String>,
    request: &Request,
    body: Body,
) -> Response {
    let Some(posted) = form::read::<PostedAnswer>(body).await else {
        let message = "This is not a response from a sign-in provider.";
        return answer::refusal(StatusCode::BAD_REQUEST, TopLevelErrorCode::BadRequest, message);
    };
    let client = client(request, &app.config.server.trusted_proxies);
    let state = SecretString::from(posted.state.clone());
    let received = provider_login::callback(app, &client, &provider, &state, &posted.user).await;
    match received.map_err(ApiError::from) {
        Ok(Some(redirect_uri)) => send_on(&redirect_uri, &posted),
        Ok(None) => {
            let message = "This sign-in has expired. Go back to the app and start again.";
            let refusal = answer::refusal(StatusCode::BAD_REQUEST, TopLevelErrorCode::BadRequest, message);
            answer::as_page(refusal, message)
        }
        Err(error) => {
            let status = match error.code() {
                TopLevelErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                TopLevelErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let message = "The sign-in could not be completed. Go back and try again in a moment.";
            answer::as_page(answer::refusal(status, error.code(), message), message)
        }
    }
}

/// Redirects the browser to the app by GET, with the response in the query. The app's page could not read a posted
/// form.
fn send_on(redirect_uri: &str, posted: &PostedAnswer) -> Response {
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return answer::nothing("The address of the app is invalid.");
    };
    let fields = [("code", &posted.code), ("error", &posted.error)];
    url.query_pairs_mut()
        .append_pair("state", &posted.state)
        .extend_pairs(fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, url.as_str())
        .header(header::CACHE_CONTROL, "no-store")
        .finish()
}
