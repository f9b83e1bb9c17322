//! Expected refusals, which are returned as data. The module of each subject converts the refusals of its own use cases.

use async_graphql::{Enum, SimpleObject, resolver_utils::EnumType};

use super::{
    error::ApiError,
    measure,
    numbers::{length, whole_seconds},
};
use crate::{
    fault::{Failure, Fault},
    input,
};

tokio::task_local! {
    /// The codes that the policy table names for the field that is being resolved.
    static DECLARED: &'static [ErrorCode];
}

/// Resolves a field for which the policy table names these codes. In debug builds, a refusal with any other code causes a panic, so
/// that tests fail.
pub(super) async fn declaring<F: Future>(codes: &'static [ErrorCode], resolve: F) -> F::Output {
    if cfg!(debug_assertions) { DECLARED.scope(codes, resolve).await } else { resolve.await }
}

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
    /// The minimum for `TOO_SHORT`, in the unit that `message` names. Null for other codes.
    pub min: Option<i32>,
    /// The maximum for `TOO_LONG`, in the unit that `message` names. Null for other codes.
    pub max: Option<i32>,
    /// A similar value that is acceptable, such as a username that is available. Null if there is none.
    pub suggestion: Option<String>,
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
    /// The value does not equal the value that it must repeat.
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
    /// Inputs are missing or invalid; `fields` lists all of them.
    InvalidInput,
    /// An account with this email address already exists. If other inputs are at fault too, the code is `INVALID_INPUT`.
    EmailTaken,
    /// Another account already has this username. If other inputs are at fault too, the code is `INVALID_INPUT`.
    UsernameTaken,
    /// The account is unknown, the account has no password, the password is wrong, or the passkey is unknown or wrong. The cases
    /// are not distinguished.
    InvalidCredentials,
    /// The credentials are correct, but the account is deactivated.
    AccountDisabled,
    /// The code is wrong, expired, used up or superseded. The cases are not distinguished.
    InvalidOtp,
    /// The refresh token, the token of an emailed link, or the ID of a `PasskeyCeremony`, `Reauthentication`,
    /// `SecondFactorChallenge` or `TotpEnrolment` is unknown, expired, used or revoked. The cases are not distinguished.
    InvalidToken,
    /// Sign-up, or this way to sign in or verify an email address, is disabled or is not available to the account.
    NotEnabled,
    /// Too many attempts. `retryAfter` is the number of seconds to wait.
    RateLimited,
    /// The server is overloaded. `retryAfter` is the number of seconds to wait.
    ServerBusy,
    /// The user or passkey does not exist, or the viewer may not change it.
    NotFound,
    /// The viewer's role does not allow the change, or the change is not allowed for the viewer's own account or for the last
    /// superuser.
    NotAllowed,
    /// The sign-in provider did not confirm the credential.
    ProviderRejected,
    /// The sign-in provider did not respond.
    ProviderUnavailable,
    /// An account with this email address already exists. Sign in to it another way, then call `linkIdentity`.
    LinkRequired,
    /// This account at the provider is linked to another user.
    IdentityTaken,
    /// This is the only way to sign in to the account.
    LastSignInMethod,
    /// The result is of a type that the document does not select, because the type is newer than the client. `message` says what to do.
    UnhandledResult,
    /// The viewer must reauthenticate: call `startReauthentication` and `reauthenticate`, then retry the request.
    ReauthenticationRequired,
    /// The account has a second factor, and no other proof is accepted here.
    SecondFactorRequired,
    /// The server requires a second factor (its setting `SECOND_FACTOR`). The viewer must enroll one before doing anything else: see
    /// `startTotpEnrolment`.
    EnrolmentRequired,
}

impl ErrorCode {
    /// Returns the name of the value in the schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("", |item| item.name)
    }
}

impl UserError {
    pub(super) fn new(code: ErrorCode, message: &str) -> Self {
        measure::note_refusal(code.name());
        // the table need not name `UNHANDLED_RESULT`, because every union may gain a member
        let is_declared = |codes: &&[ErrorCode]| code == ErrorCode::UnhandledResult || codes.contains(&code);
        let _ = DECLARED
            .try_with(|codes| debug_assert!(is_declared(codes), "the policy table does not name {code:?}"));
        Self { code, message: message.to_owned(), fields: Vec::new(), retry_after: None }
    }

    /// Creates the refusal that reports all inputs at fault.
    pub(super) fn invalid_input(fields: Vec<input::FieldError>) -> Self {
        let fields: Vec<FieldError> = fields.into_iter().map(FieldError::from).collect();
        let message = fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" ");
        let code = match fields.as_slice() {
            [FieldError { field, code: FieldErrorCode::Taken, .. }] if field == "email" => {
                ErrorCode::EmailTaken
            }
            [FieldError { code: FieldErrorCode::Taken, .. }] => ErrorCode::UsernameTaken,
            _ => ErrorCode::InvalidInput,
        };
        Self { fields, ..Self::new(code, &message) }
    }

    pub(super) fn not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "This way of verifying email addresses is disabled.")
    }

    pub(super) fn signup_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-up is disabled.")
    }

    pub(super) fn provider_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Sign-in with this provider is disabled.")
    }

    pub(super) fn provider_unavailable() -> Self {
        Self::new(
            ErrorCode::ProviderUnavailable,
            "The provider is not responding. Try again, or sign in another way.",
        )
    }

    pub(super) fn role_not_allowed() -> Self {
        Self::new(ErrorCode::NotAllowed, "Your role does not allow this.")
    }

    pub(super) fn reauthentication_required() -> Self {
        Self::new(ErrorCode::ReauthenticationRequired, "Confirm that it is you, then try again.")
    }

    pub(super) fn second_factor_required() -> Self {
        Self::new(ErrorCode::SecondFactorRequired, "This account requires its second factor.")
    }

    pub(super) fn enrolment_required() -> Self {
        Self::new(ErrorCode::EnrolmentRequired, "Set up a second factor first.")
    }

    pub(super) fn passkeys_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "This server does not support passkeys.")
    }

    pub(super) fn wrong_passkey() -> Self {
        Self::new(
            ErrorCode::InvalidCredentials,
            "This passkey was not accepted. Try again, or choose another way.",
        )
    }

    pub(super) fn passkey_not_created() -> Self {
        Self::new(ErrorCode::InvalidCredentials, "The passkey was not created correctly. Try again.")
    }

    pub(super) fn sign_in_expired() -> Self {
        Self::new(ErrorCode::InvalidToken, "This sign-in has expired. Start again.")
    }

    pub(super) fn wrong_second_factor() -> Self {
        Self::new(ErrorCode::InvalidOtp, "This code is wrong or was already used. Wait for the next one.")
    }

    pub(super) fn account_disabled() -> Self {
        Self::new(ErrorCode::AccountDisabled, "This account is deactivated.")
    }

    /// Converts a fault that clients can resolve by waiting.
    ///
    /// # Errors
    /// Returns any other fault as a top-level error.
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
        Self {
            field: error.field.to_owned(),
            code: error.code.into(),
            message: error.message,
            min: error.min.map(length),
            max: error.max.map(length),
            suggestion: error.suggestion,
        }
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
