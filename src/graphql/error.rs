//! Top-level errors, each with a stable `extensions.code`. Expected refusals are data: see [`refusal`](super::refusal).

use std::borrow::Cow;

use async_graphql::{Enum, ErrorExtensionValues, ServerError, resolver_utils::EnumType};

use super::numbers::whole_seconds;
use crate::{
    accounts::InvalidPage,
    fault::{Failure, Fault},
    sessions::Unauthenticated,
    telemetry::{self, LogLimit, with_causes},
};

static FULL_LIMIT: LogLimit = LogLimit::new();
static UNAVAILABLE_LIMIT: LogLimit = LogLimit::new();

/// The code of a top-level error, in `extensions.code`. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopLevelErrorCode {
    /// The request or an argument is malformed, or the document does not match the schema.
    BadRequest,
    /// The document selects a protected field, but the request has no valid access token. `extensions.reason` is `MISSING`,
    /// `EXPIRED`, `INVALID` or `REVOKED`.
    Unauthenticated,
    /// The viewer's role, or the origin of the request, does not allow this.
    Forbidden,
    /// The server requires a second factor (its setting `SECOND_FACTOR`). The viewer must enroll one before doing anything else: see
    /// `startTotpEnrolment`.
    EnrolmentRequired,
    /// The document exceeds a limit, which the message names.
    LimitExceeded,
    /// Too many requests. `extensions.retryAfter` is the number of seconds to wait.
    RateLimited,
    /// The server is overloaded. `extensions.retryAfter` is the number of seconds to wait.
    ServerBusy,
    /// Something that the server depends on is unavailable, such as its database. Try again later.
    ServiceUnavailable,
    /// An internal error. The server log has the details under `extensions.requestId`.
    Internal,
    /// Nothing is served at this URL.
    NotFound,
    /// The server does not know a document with this ID: send the document itself.
    PersistedQueryNotSupported,
    /// The server runs only trusted documents, and this is not one of them.
    DocumentNotTrusted,
}

impl TopLevelErrorCode {
    /// Returns the name of the value in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("", |item| item.name)
    }
}

/// A top-level error: a request, or one of its fields, has no result.
///
/// It deliberately does not implement `Display`: async-graphql turns every `Display` type into a client-visible error,
/// internal text included. Only this type is converted to async-graphql's errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The request is malformed, for the reason in this message.
    BadRequest(String),
    /// A protected field was selected without a valid access token.
    Unauthenticated(Unauthenticated),
    /// The viewer is not allowed to do this.
    Forbidden(&'static str),
    /// The viewer must enroll a second factor first.
    EnrolmentRequired,
    /// The document exceeds a limit.
    LimitExceeded(String),
    /// Only trusted documents may run.
    DocumentNotTrusted,
    /// The budget that the named setting defines is used up. The number is the wait, in seconds, before another attempt can
    /// succeed.
    RateLimited(&'static str, i32),
    /// The server is overloaded. An attempt a second later may succeed.
    ServerBusy,
    /// Something that the server depends on is unavailable. A later attempt may succeed.
    ServiceUnavailable,
    /// An internal error.
    Internal,
}

impl ApiError {
    /// Returns the `extensions.code`.
    #[must_use]
    pub fn code(&self) -> TopLevelErrorCode {
        match self {
            Self::BadRequest(_) => TopLevelErrorCode::BadRequest,
            Self::Unauthenticated(_) => TopLevelErrorCode::Unauthenticated,
            Self::Forbidden(_) => TopLevelErrorCode::Forbidden,
            Self::EnrolmentRequired => TopLevelErrorCode::EnrolmentRequired,
            Self::LimitExceeded(_) => TopLevelErrorCode::LimitExceeded,
            Self::DocumentNotTrusted => TopLevelErrorCode::DocumentNotTrusted,
            Self::RateLimited(..) => TopLevelErrorCode::RateLimited,
            Self::ServerBusy => TopLevelErrorCode::ServerBusy,
            Self::ServiceUnavailable => TopLevelErrorCode::ServiceUnavailable,
            Self::Internal => TopLevelErrorCode::Internal,
        }
    }

    /// Returns the message, which is a sentence.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        let message = match self {
            Self::BadRequest(message) | Self::LimitExceeded(message) => message,
            Self::Unauthenticated(Unauthenticated::Missing) => {
                "Sign in first: this operation requires an access token in the `Authorization: Bearer …` header."
            }
            Self::Unauthenticated(Unauthenticated::Expired) => "The access token has expired. Refresh it.",
            Self::Unauthenticated(Unauthenticated::Invalid) => {
                "The access token was not issued by this server."
            }
            Self::Unauthenticated(Unauthenticated::Revoked) => "The session has ended. Sign in again.",
            Self::Forbidden(message) => message,
            Self::EnrolmentRequired => "Set up a second factor first.",
            Self::DocumentNotTrusted => {
                "This server runs only trusted documents, and this is not one of them (TRUSTED_DOCUMENTS)."
            }
            Self::RateLimited(setting, _) => {
                return format!("Too many requests ({setting}). Try again after `retryAfter` seconds.")
                    .into();
            }
            Self::ServerBusy => "The server is busy. Try again in a second.",
            Self::ServiceUnavailable => "The server is unavailable. Try again in a moment.",
            Self::Internal => "Internal server error. The server log has the details under the request ID.",
        };
        message.into()
    }

    fn extend(&self, extensions: &mut ErrorExtensionValues) {
        extensions.set("code", self.code().name());
        if let Self::ServiceUnavailable | Self::Internal = self
            && let Some(id) = telemetry::request_id()
        {
            extensions.set("requestId", id);
        }
        match self {
            Self::RateLimited(_, retry_after) => extensions.set("retryAfter", *retry_after),
            Self::ServerBusy => extensions.set("retryAfter", 1),
            _ => {}
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
                Self::ServerBusy
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
