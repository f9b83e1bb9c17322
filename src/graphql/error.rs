//! Top-level errors, each with a stable `extensions.code`. Expected refusals are data: see [`refusal`](super::refusal).

use std::borrow::Cow;

use async_graphql::{ErrorExtensionValues, ServerError};

use super::numbers::whole_seconds;
use crate::{
    accounts::InvalidPage,
    fault::{Failure, Fault},
    sessions::Unauthenticated,
    telemetry::{self, LogLimit, with_causes},
};

static FULL_LIMIT: LogLimit = LogLimit::new();
static UNAVAILABLE_LIMIT: LogLimit = LogLimit::new();

/// A top-level error: a request, or one of its fields, has no result.
///
/// It deliberately does not implement `Display`: async-graphql turns every `Display` type into a client-visible error,
/// internal text included. Only this type is converted to its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The request is malformed, for the reason in this message.
    BadRequest(String),
    /// A protected field was selected without a valid access token.
    Unauthenticated(Unauthenticated),
    /// The viewer is not allowed to do this.
    Forbidden(&'static str),
    /// The document exceeds a limit.
    LimitExceeded(String),
    /// The budget of this setting is used up; the number is the seconds to wait before trying again.
    RateLimited(&'static str, i32),
    /// The server cannot respond at the moment. A later attempt may succeed.
    ServiceUnavailable,
    /// An internal error.
    Internal,
}

impl ApiError {
    /// Returns the `extensions.code`.
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
                "Sign in first: this operation requires an access token in the header `Authorization: Bearer …`."
            }
            Self::Unauthenticated(Unauthenticated::Expired) => "The access token has expired. Refresh it.",
            Self::Unauthenticated(Unauthenticated::Invalid) => {
                "The access token was not issued by this server."
            }
            Self::Unauthenticated(Unauthenticated::Revoked) => "The session has ended. Sign in again.",
            Self::Forbidden(message) => message,
            Self::RateLimited(setting, _) => {
                return format!("Too many requests ({setting}). Try again after `retryAfter` seconds.")
                    .into();
            }
            Self::ServiceUnavailable => "The server is unavailable. Try again in a moment.",
            Self::Internal => "Internal server error. The server log has the details under the request ID.",
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

/// Converts faults, and logs their details, which clients do not see.
impl<F: Into<Fault>> From<F> for ApiError {
    fn from(fault: F) -> Self {
        match fault.into() {
            Fault::Busy => {
                telemetry::note_cause("queue_full");
                FULL_LIMIT.log(|left_out| tracing::warn!(left_out, "a queue is full; a request was refused"));
                Self::ServiceUnavailable
            }
            Fault::RateLimited { setting, retry_after } => {
                Self::RateLimited(setting, whole_seconds(retry_after))
            }
            Fault::Unavailable(source) => {
                telemetry::note_cause("database");
                UNAVAILABLE_LIMIT.log(|left_out| {
                    tracing::error!(error = %with_causes(&*source), left_out, "the database is unavailable");
                });
                Self::ServiceUnavailable
            }
            Fault::Conflict(source) | Fault::Internal(source) => {
                telemetry::note_cause("internal");
                tracing::error!(error = %with_causes(&*source), "an internal fault");
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
