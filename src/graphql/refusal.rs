//! Expected refusals, which are data. Each subject converts the refusals of its use cases.

use async_graphql::{Enum, SimpleObject, resolver_utils::EnumType};

use super::{error::ApiError, measure, numbers::whole_seconds};
use crate::{
    fault::{Failure, Fault},
    input,
};

/// An expected refusal.
#[derive(SimpleObject, Debug)]
pub struct UserError {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason in English, for people. Programs read `code`.
    pub message: String,
    /// Which inputs are at fault; empty where the fault is none of theirs.
    pub fields: Vec<FieldError>,
    /// Seconds to wait before trying again, for `RATE_LIMITED` and `SERVER_BUSY`. Null where waiting does not help.
    pub retry_after: Option<i32>,
}

/// One input at fault.
#[derive(SimpleObject, Debug)]
pub struct FieldError {
    /// The field's name in the input, such as `passwordConfirmation`.
    pub field: String,
    /// The kind of fault, for programs.
    pub code: FieldErrorCode,
    /// The fault in English, for people.
    pub message: String,
}

/// What is wrong with an input. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "input::FieldErrorCode")]
pub enum FieldErrorCode {
    /// It is missing.
    Required,
    /// It has too few characters.
    TooShort,
    /// It has too many characters.
    TooLong,
    /// It is not of the form that it must have.
    Malformed,
    /// It differs from what it must equal.
    Mismatch,
    /// It is too easily guessed.
    TooWeak,
    /// Somebody else has it.
    Taken,
    /// It is what it was.
    Unchanged,
}

/// Why something was refused. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Inputs are missing or malformed; `fields` says which.
    InvalidInput,
    /// Somebody has an account with this email address.
    EmailTaken,
    /// Somebody has this username.
    UsernameTaken,
    /// Unknown account, wrong password, or an account with no password: never told apart.
    InvalidCredentials,
    /// The credentials were right, but the account is deactivated.
    AccountDisabled,
    /// A one-time password that is wrong, expired, used up or superseded: never told apart.
    InvalidOtp,
    /// A link, reset or refresh token that is unknown, expired, spent or revoked: never told apart.
    InvalidToken,
    /// This way in, or signing up at all, is switched off.
    NotEnabled,
    /// Too often in too short a time; `retryAfter` says when to try again.
    RateLimited,
    /// The server sheds load to stay responsive; `retryAfter` says when to try again.
    ServerBusy,
    /// No such user, or not one you may act on.
    NotFound,
    /// Refused to protect the system: it concerns yourself, or the last superuser.
    NotAllowed,
    /// Google does not vouch for what the client sent.
    GoogleRejected,
    /// Google did not answer.
    GoogleUnavailable,
    /// An account with this address exists: sign in to it, and link.
    LinkRequired,
    /// This Google account belongs to another user.
    IdentityTaken,
    /// It is the only way in.
    LastSignInMethod,
    /// The viewer must prove who they are once more: `startReauthentication`, `reauthenticate`, and then the same again.
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
        Self::new(ErrorCode::NotEnabled, "Email addresses are not verified this way here.")
    }

    pub(super) fn signup_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-up is switched off.")
    }

    pub(super) fn google_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-in with Google is switched off.")
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

    /// Tells the client to wait, if that is all that is wrong.
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
