//! Expected refusals, which are returned as data. Each subject converts the refusals of its own use cases.

use async_graphql::{Enum, SimpleObject, resolver_utils::EnumType};

use super::{error::ApiError, measure, numbers::whole_seconds};
use crate::{
    fault::{Failure, Fault},
    input,
};

/// A refused request.
#[derive(SimpleObject, Debug)]
pub struct UserError {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason in English, for people. Programs should use `code`.
    pub message: String,
    /// The inputs at fault; empty if no particular input is at fault.
    pub fields: Vec<FieldError>,
    /// Seconds to wait before trying again, for `RATE_LIMITED` and `SERVER_BUSY`. Null if waiting does not help.
    pub retry_after: Option<i32>,
}

/// An input at fault.
#[derive(SimpleObject, Debug)]
pub struct FieldError {
    /// The name of the input field, such as `passwordConfirmation`.
    pub field: String,
    /// The problem, for programs.
    pub code: FieldErrorCode,
    /// The problem in English, for people.
    pub message: String,
}

/// The problem with an input. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "input::FieldErrorCode")]
pub enum FieldErrorCode {
    /// The value is missing.
    Required,
    /// The value has too few characters.
    TooShort,
    /// The value is too long.
    TooLong,
    /// The value does not have the required format.
    Malformed,
    /// The value does not match the one it must equal.
    Mismatch,
    /// The password is too easily guessed.
    TooWeak,
    /// Another account already uses the value.
    Taken,
    /// The value is the same as before.
    Unchanged,
}

/// The reason for a refusal. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Inputs are missing or invalid; `fields` lists them.
    InvalidInput,
    /// An account with this email address already exists.
    EmailTaken,
    /// Another account already has this username.
    UsernameTaken,
    /// The account is unknown, its password is wrong, or it has no password. The cases are not distinguished.
    InvalidCredentials,
    /// The credentials are correct, but the account is deactivated.
    AccountDisabled,
    /// The code is wrong, expired, used up or superseded. The cases are not distinguished.
    InvalidOtp,
    /// The link, reset or refresh token is unknown, expired, used or revoked. The cases are not distinguished.
    InvalidToken,
    /// This way to sign in or verify an email address, or sign-up in general, is disabled or unavailable for the account.
    NotEnabled,
    /// Too many attempts. `retryAfter` is the number of seconds to wait.
    RateLimited,
    /// The server is overloaded. `retryAfter` is the number of seconds to wait.
    ServerBusy,
    /// The user does not exist, or the viewer may not act on them.
    NotFound,
    /// Not allowed on the viewer's own account or on the last superuser.
    NotAllowed,
    /// Google did not confirm the credential.
    GoogleRejected,
    /// Google did not respond.
    GoogleUnavailable,
    /// An account with this email address already exists. Sign in to it another way, then link Google to it.
    LinkRequired,
    /// This Google account is linked to another user.
    IdentityTaken,
    /// This is the only way to sign in to the account.
    LastSignInMethod,
    /// The viewer must reauthenticate: call `startReauthentication` and `reauthenticate`, then retry the request.
    ReauthenticationRequired,
}

impl UserError {
    pub(super) fn new(code: ErrorCode, message: &str) -> Self {
        let item = ErrorCode::items().iter().find(|item| item.value == code);
        item.inspect(|item| measure::note_refusal(item.name));
        Self { code, message: message.to_owned(), fields: Vec::new(), retry_after: None }
    }

    pub(super) fn invalid_input(fields: Vec<input::FieldError>) -> Self {
        let fields: Vec<FieldError> = fields.into_iter().map(FieldError::from).collect();
        let message = fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" ");
        Self { fields, ..Self::new(ErrorCode::InvalidInput, &message) }
    }

    pub(super) fn taken(code: ErrorCode, field: &'static str, message: &str) -> Self {
        let wrong = input::Invalid::new(input::FieldErrorCode::Taken, message);
        Self { fields: vec![wrong.at(field).into()], ..Self::new(code, message) }
    }

    pub(super) fn not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "This way of verifying email addresses is disabled.")
    }

    pub(super) fn signup_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-up is disabled.")
    }

    pub(super) fn google_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-in with Google is disabled.")
    }

    pub(super) fn google_unavailable() -> Self {
        Self::new(
            ErrorCode::GoogleUnavailable,
            "Google is not responding. Try again, or sign in another way.",
        )
    }

    pub(super) fn reauthentication_required() -> Self {
        Self::new(ErrorCode::ReauthenticationRequired, "Confirm that it is you, then try again.")
    }

    pub(super) fn account_disabled() -> Self {
        Self::new(ErrorCode::AccountDisabled, "This account is deactivated.")
    }

    pub(super) fn username_taken() -> Self {
        Self::taken(ErrorCode::UsernameTaken, "username", "This username is already taken.")
    }

    /// Converts a fault that waiting resolves.
    ///
    /// # Errors
    /// Returns every other fault as a top-level error.
    pub(super) fn wait(fault: Fault) -> Result<Self, ApiError> {
        match fault {
            Fault::Busy => Ok(Self {
                retry_after: Some(1),
                ..Self::new(ErrorCode::ServerBusy, "The server is busy. Try again.")
            }),
            Fault::RateLimited { retry_after, .. } => {
                let seconds = whole_seconds(retry_after);
                let message = format!("Too many attempts. Try again in {seconds} s.");
                Ok(Self { retry_after: Some(seconds), ..Self::new(ErrorCode::RateLimited, &message) })
            }
            fault => Err(fault.into()),
        }
    }
}

impl From<input::FieldError> for FieldError {
    fn from(error: input::FieldError) -> Self {
        Self { field: error.field.to_owned(), code: error.code.into(), message: error.message }
    }
}

impl<R> TryFrom<Failure<R>> for UserError
where
    Self: From<R>,
{
    type Error = ApiError;

    fn try_from(failure: Failure<R>) -> Result<Self, ApiError> {
        match failure {
            Failure::Refused(refusal) => Ok(refusal.into()),
            Failure::Fault(fault) => Self::wait(fault),
        }
    }
}
