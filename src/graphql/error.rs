//! Top-level errors, each with a stable `extensions.code`. Expected refusals are data: see [`refusal`](super::refusal).

use std::{borrow::Cow, error::Error};

use async_graphql::{ErrorExtensionValues, ServerError};

use super::numbers::whole_seconds;
use crate::{
    accounts::InvalidPage,
    fault::{Failure, Fault},
    sessions::Unauthenticated,
    telemetry,
};

/// Why a request, or a field of it, has no answer.
///
/// It is not `Display` on purpose: async-graphql shows whatever is `Display` to the client, internal text included. This is
/// the only type of ours that becomes one of its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The request is malformed.
    BadRequest(String),
    /// A protected field was selected, and nobody is signed in.
    Unauthenticated(Unauthenticated),
    /// Whoever is signed in may not do this.
    Forbidden(&'static str),
    /// The document asks for more than is allowed.
    LimitExceeded(String),
    /// It was asked for more often than this setting says. Trying again after so many seconds helps.
    RateLimited(&'static str, i32),
    /// The server cannot do it now. Trying again helps.
    ServiceUnavailable,
    /// A defect of ours.
    Internal,
}

impl ApiError {
    /// The `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "BAD_REQUEST",
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::LimitExceeded(_) | Self::RateLimited(..) => "LIMIT_EXCEEDED",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    fn message(&self) -> Cow<'_, str> {
        let message = match self {
            Self::BadRequest(message) | Self::LimitExceeded(message) => message,
            Self::Unauthenticated(Unauthenticated::Missing) => {
                "Sign in first: this operation needs an access token in the header `Authorization: Bearer …`."
            }
            Self::Unauthenticated(Unauthenticated::Expired) => "The access token has expired: refresh it.",
            Self::Unauthenticated(Unauthenticated::Invalid) => {
                "The access token is not one of this server's."
            }
            Self::Unauthenticated(Unauthenticated::Revoked) => "The session has ended: sign in again.",
            Self::Forbidden(message) => message,
            Self::RateLimited(setting, _) => {
                return format!("Too many requests ({setting}). Try again after `retryAfter` seconds.")
                    .into();
            }
            Self::ServiceUnavailable => "The server cannot answer now. Try again in a moment.",
            Self::Internal => "The server failed. Its log has the reason, under the request id.",
        };
        message.into()
    }

    fn extend(&self, extensions: &mut ErrorExtensionValues) {
        extensions.set("code", self.code());
        if let Self::ServiceUnavailable | Self::Internal = self
            && let Some(id) = telemetry::request_id()
        {
            extensions.set("requestId", id);
        }
        if let Self::RateLimited(_, retry_after) = self {
            extensions.set("retryAfter", *retry_after);
        }
        if let Self::Unauthenticated(reason) = self {
            extensions.set("reason", reason.word());
        }
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let mut shown = Self::new(error.message());
        error.extend(shown.extensions.get_or_insert_default());
        shown
    }
}

impl From<ApiError> for ServerError {
    fn from(error: ApiError) -> Self {
        let mut shown = Self::new(error.message(), None);
        error.extend(shown.extensions.get_or_insert_default());
        shown
    }
}

/// The boundary at which faults are logged, with all that is known of them.
impl<F: Into<Fault>> From<F> for ApiError {
    fn from(fault: F) -> Self {
        match fault.into() {
            Fault::Busy => {
                tracing::warn!("a queue is full; a request was refused");
                Self::ServiceUnavailable
            }
            Fault::RateLimited { setting, retry_after } => {
                Self::RateLimited(setting, whole_seconds(retry_after))
            }
            Fault::Unavailable(source) => {
                tracing::error!(error = &*source as &dyn Error, "the database is unavailable");
                Self::ServiceUnavailable
            }
            Fault::Conflict(source) | Fault::Internal(source) => {
                tracing::error!(error = &*source as &dyn Error, "an internal fault");
                Self::Internal
            }
        }
    }
}

impl From<Failure<Unauthenticated>> for ApiError {
    fn from(failure: Failure<Unauthenticated>) -> Self {
        match failure {
            Failure::Refused(why) => Self::Unauthenticated(why),
            Failure::Fault(fault) => fault.into(),
        }
    }
}

impl From<Failure<InvalidPage>> for ApiError {
    fn from(failure: Failure<InvalidPage>) -> Self {
        match failure {
            Failure::Refused(InvalidPage(message)) => Self::BadRequest(message),
            Failure::Fault(fault) => fault.into(),
        }
    }
}
