//! Requests that are refused before they reach GraphQL.

use poem::{Response, http::StatusCode};

use crate::{
    graphql::error::TopLevelErrorCode,
    http::{answer, refresh_cookie},
};

/// The status and message for a request that is refused before it reaches GraphQL.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn into_response(self) -> Response {
        let code = match self.0 {
            StatusCode::OK => TopLevelErrorCode::PersistedQueryNotSupported,
            StatusCode::FORBIDDEN => TopLevelErrorCode::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => TopLevelErrorCode::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => TopLevelErrorCode::ServerBusy,
            _ => TopLevelErrorCode::BadRequest,
        };
        answer::refusal(self.0, code, &self.1)
    }
}

impl From<refresh_cookie::Refused> for Refusal {
    fn from(refused: refresh_cookie::Refused) -> Self {
        match refused {
            refresh_cookie::Refused::Origin => Self(
                StatusCode::FORBIDDEN,
                "Cookie mode requires a browser on an allowed origin of the server's own site: see ALLOWED_ORIGINS."
                    .to_owned(),
            ),
            refresh_cookie::Refused::Site(message) => Self(StatusCode::FORBIDDEN, message),
            refresh_cookie::Refused::Header => bad_request("X-Token-Delivery must be `cookie` or `body`."),
        }
    }
}

pub(super) fn bad_request(message: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message.to_owned())
}
