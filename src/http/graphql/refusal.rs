//! Requests that are refused before they reach GraphQL.

use poem::{Response, http::StatusCode};

use crate::{
    graphql::{
        error::{ApiError, TopLevelErrorCode},
        guard::trusted_documents::TrustedDocuments,
    },
    http::{answer, refresh_cookie},
};

/// A request that is refused before it reaches GraphQL.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: TopLevelErrorCode,
    message: String,
}

impl Refusal {
    /// Creates a refusal with the code that belongs to the status.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::FORBIDDEN => TopLevelErrorCode::Forbidden,
            StatusCode::NOT_FOUND => TopLevelErrorCode::NotFound,
            StatusCode::TOO_MANY_REQUESTS => TopLevelErrorCode::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => TopLevelErrorCode::ServerBusy,
            _ => TopLevelErrorCode::BadRequest,
        };
        Self { status, code, message: message.into() }
    }

    /// Returns the refusal of an unknown document ID.
    pub(super) fn unknown_document(trusted: &TrustedDocuments) -> Self {
        if trusted.are_exclusive() {
            let error = ApiError::DocumentNotTrusted;
            return Self {
                status: StatusCode::BAD_REQUEST,
                code: error.code(),
                message: error.message().into(),
            };
        }
        // This makes clients that sent the hash of a document send the document itself from then on. Apollo's servers
        // use the same message when persisted queries are off, and Apollo Client and urql recognize it.
        Self {
            status: StatusCode::OK,
            code: TopLevelErrorCode::PersistedQueryNotSupported,
            message: "PersistedQueryNotSupported".to_owned(),
        }
    }

    /// Converts the refusal to the error that an operation on a WebSocket fails with.
    pub(super) fn into_error(self) -> ApiError {
        match self.code {
            TopLevelErrorCode::DocumentNotTrusted => ApiError::DocumentNotTrusted,
            _ => ApiError::BadRequest(self.message),
        }
    }

    pub(super) fn into_response(self) -> Response {
        answer::refusal(self.status, self.code, &self.message)
    }
}

impl From<refresh_cookie::Refused> for Refusal {
    fn from(refused: refresh_cookie::Refused) -> Self {
        match refused {
            refresh_cookie::Refused::Origin => Self::new(
                StatusCode::FORBIDDEN,
                "Cookie mode requires a browser on an allowed origin of the server's own site: see ALLOWED_ORIGINS.",
            ),
            refresh_cookie::Refused::Site(message) => Self::new(StatusCode::FORBIDDEN, message),
            refresh_cookie::Refused::Header => bad_request("X-Token-Delivery must be `cookie` or `body`."),
        }
    }
}

pub(super) fn bad_request(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}
