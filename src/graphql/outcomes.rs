//! Expected outcomes, which are data: unions of the success states and `UserError`. And how use cases' errors become one.

use async_graphql::{Enum, SimpleObject, Union, resolver_utils::EnumType};

use super::{
    error::{ApiError, whole_seconds},
    google_login::GoogleAuthorization,
    jwt_guard::Caller,
    measure,
    sessions::{AuthPayload, PasswordChanged},
    user::User,
    verification::EmailChallenge,
};
use crate::{
    accounts::{
        AdministrationError, ChangePasswordError, RevertSecurityChangeError, SignupError, UpdateProfileError,
    },
    app::App,
    challenges::Asked,
    fault::Fault,
    google_login::{
        GoogleLoginError, IdentifyError, LinkGoogleError, StartGoogleLoginError, UnlinkGoogleError,
    },
    input,
    password_reset::{RequestPasswordResetError, ResetPasswordError},
    reauthentication::{ReauthenticateError, StartReauthenticationError},
    sessions::{LoginError, RefreshError, SignIn},
    verification::{ChangeEmailError, ProofError, RequestLoginCodeError, ResendError},
};

/// What signing up or in comes to. New steps of signing in, such as a second factor, may appear as further members: keep a
/// default branch.
#[derive(Union)]
pub enum SignInResult {
    /// Signed in.
    AuthPayload(Box<AuthPayload>),
    /// Something was mailed, and is awaited first.
    EmailChallenge(EmailChallenge),
    /// Refused.
    UserError(UserError),
}

impl SignInResult {
    /// What it came to, its refresh token delivered as the caller asked.
    #[must_use]
    pub fn deliver(app: &App, caller: &Caller, sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::SignedIn(signed_in) => {
                Self::AuthPayload(Box::new(AuthPayload::deliver(app, caller, *signed_in)))
            }
            SignIn::EmailChallenge(asked) => Self::EmailChallenge((*asked).into()),
        }
    }
}

/// What asking for a mail comes to.
#[derive(Union)]
pub enum EmailChallengeResult {
    /// It was mailed, and is awaited.
    EmailChallenge(EmailChallenge),
    /// Refused.
    UserError(UserError),
}

impl<E> TryFrom<Result<Asked, E>> for EmailChallengeResult
where
    UserError: TryFrom<E, Error = ApiError>,
{
    type Error = ApiError;

    fn try_from(outcome: Result<Asked, E>) -> Result<Self, ApiError> {
        Ok(match outcome {
            Ok(asked) => Self::EmailChallenge(asked.into()),
            Err(error) => Self::UserError(error.try_into()?),
        })
    }
}

/// What trading a refresh token comes to.
#[derive(Union)]
pub enum RefreshResult {
    /// The next pair of tokens.
    AuthPayload(Box<AuthPayload>),
    /// Refused.
    UserError(UserError),
}

/// What changing a password comes to.
#[derive(Union)]
pub enum PasswordChangeResult {
    /// Changed.
    PasswordChanged(PasswordChanged),
    /// Refused.
    UserError(UserError),
}

/// What changing an account comes to.
#[derive(Union)]
pub enum UserResult {
    /// The user as they are now.
    User(Box<User>),
    /// Refused.
    UserError(UserError),
}

/// What beginning a Google sign-in comes to.
#[derive(Union)]
pub enum StartGoogleLoginResult {
    /// Where to send the person.
    GoogleAuthorization(GoogleAuthorization),
    /// Refused.
    UserError(UserError),
}

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

    fn invalid_input(fields: Vec<input::FieldError>) -> Self {
        let fields: Vec<FieldError> = fields.into_iter().map(FieldError::from).collect();
        let message = fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" ");
        Self { fields, ..Self::new(ErrorCode::InvalidInput, &message) }
    }

    fn taken(code: ErrorCode, field: &'static str, message: &str) -> Self {
        let wrong = input::Wrong::new(input::FieldErrorCode::Taken, message);
        Self { fields: vec![wrong.at(field).into()], ..Self::new(code, message) }
    }

    fn not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "This way of proving an address is switched off.")
    }

    fn signup_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Signing up is switched off.")
    }

    fn google_not_enabled() -> Self {
        Self::new(ErrorCode::NotEnabled, "Signing in by Google is switched off.")
    }

    fn google_unavailable() -> Self {
        Self::new(ErrorCode::GoogleUnavailable, "Google does not answer: try again, or sign in another way.")
    }

    fn reauthentication_required() -> Self {
        Self::new(ErrorCode::ReauthenticationRequired, "Confirm that it is you, then try again.")
    }

    fn account_disabled() -> Self {
        Self::new(ErrorCode::AccountDisabled, "This account is deactivated.")
    }

    fn username_taken() -> Self {
        Self::taken(ErrorCode::UsernameTaken, "username", "This username is taken.")
    }

    /// To wait is an outcome that clients know what to do with; other faults are no outcome.
    fn wait(fault: Fault) -> Result<Self, ApiError> {
        match fault {
            Fault::Busy => Ok(Self {
                retry_after: Some(1),
                ..Self::new(ErrorCode::ServerBusy, "The server is busy: try again.")
            }),
            Fault::RateLimited { retry_after, .. } => {
                let seconds = whole_seconds(retry_after);
                let message = format!("Too often in too short a time: try again in {seconds} s.");
                Ok(Self { retry_after: Some(seconds), ..Self::new(ErrorCode::RateLimited, &message) })
            }
            fault => Err(fault.into()),
        }
    }

    /// Does the same for a login, which strangers can use up the budgets of: there is a way in that they cannot close.
    fn wait_or_sign_in_by_mail(fault: Fault) -> Result<Self, ApiError> {
        let mut wait = Self::wait(fault)?;
        if wait.code == ErrorCode::RateLimited {
            let message = wait.message.trim_end_matches('.');
            wait.message = format!("{message}, or request a sign-in code by email.");
        }
        Ok(wait)
    }
}

impl From<input::FieldError> for FieldError {
    fn from(error: input::FieldError) -> Self {
        Self { field: error.field.to_owned(), code: error.code.into(), message: error.message }
    }
}

impl TryFrom<SignupError> for UserError {
    type Error = ApiError;

    fn try_from(error: SignupError) -> Result<Self, ApiError> {
        Ok(match error {
            SignupError::NotEnabled => Self::signup_not_enabled(),
            SignupError::InvalidInput(fields) => Self::invalid_input(fields),
            SignupError::EmailTaken => {
                Self::taken(ErrorCode::EmailTaken, "email", "There is an account with this email address.")
            }
            SignupError::UsernameTaken => Self::username_taken(),
            SignupError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<LoginError> for UserError {
    type Error = ApiError;

    fn try_from(error: LoginError) -> Result<Self, ApiError> {
        Ok(match error {
            LoginError::InvalidInput(fields) => Self::invalid_input(fields),
            LoginError::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "No account with this name and password.")
            }
            LoginError::AccountDisabled => Self::account_disabled(),
            LoginError::Fault(fault) => Self::wait_or_sign_in_by_mail(fault)?,
        })
    }
}

impl TryFrom<RefreshError> for UserError {
    type Error = ApiError;

    fn try_from(error: RefreshError) -> Result<Self, ApiError> {
        Ok(match error {
            RefreshError::Required => {
                let wrong =
                    input::Wrong::new(input::FieldErrorCode::Required, "A refresh token is required.");
                Self::invalid_input(vec![wrong.at("refreshToken")])
            }
            RefreshError::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This refresh token is no longer good: sign in again.")
            }
            RefreshError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<UpdateProfileError> for UserError {
    type Error = ApiError;

    fn try_from(error: UpdateProfileError) -> Result<Self, ApiError> {
        Ok(match error {
            UpdateProfileError::InvalidInput(fields) => Self::invalid_input(fields),
            UpdateProfileError::UsernameTaken => Self::username_taken(),
            UpdateProfileError::ReauthenticationRequired => Self::reauthentication_required(),
            UpdateProfileError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<ChangePasswordError> for UserError {
    type Error = ApiError;

    fn try_from(error: ChangePasswordError) -> Result<Self, ApiError> {
        Ok(match error {
            ChangePasswordError::InvalidInput(fields) => Self::invalid_input(fields),
            ChangePasswordError::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "This is not the current password.")
            }
            ChangePasswordError::ReauthenticationRequired => Self::reauthentication_required(),
            ChangePasswordError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<AdministrationError> for UserError {
    type Error = ApiError;

    fn try_from(error: AdministrationError) -> Result<Self, ApiError> {
        Ok(match error {
            AdministrationError::NotFound => Self::new(ErrorCode::NotFound, "There is no such user."),
            AdministrationError::NotAllowed => Self::new(
                ErrorCode::NotAllowed,
                "Nobody does this to their own account, nor without being a superuser.",
            ),
            AdministrationError::ReauthenticationRequired => Self::reauthentication_required(),
            AdministrationError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

/// A proof by a code.
pub(super) fn otp_refusal(error: ProofError) -> Result<UserError, ApiError> {
    let message = "This code is not good (any more): look for the newest mail, or ask for another.";
    proof_refusal(error, ErrorCode::InvalidOtp, message)
}

/// A proof by a link.
pub(super) fn link_refusal(error: ProofError) -> Result<UserError, ApiError> {
    let message = "This link is not good (any more): look for the newest mail, or ask for another.";
    proof_refusal(error, ErrorCode::InvalidToken, message)
}

fn proof_refusal(error: ProofError, code: ErrorCode, message: &str) -> Result<UserError, ApiError> {
    Ok(match error {
        ProofError::InvalidCredentials => UserError::new(
            ErrorCode::InvalidCredentials,
            "This is not the password that was chosen at sign-up. The link still works.",
        ),
        ProofError::Invalid => UserError::new(code, message),
        ProofError::AccountDisabled => UserError::account_disabled(),
        ProofError::EmailTaken => {
            UserError::new(ErrorCode::EmailTaken, "There is an account with this email address.")
        }
        ProofError::Fault(fault) => UserError::wait(fault)?,
    })
}

impl TryFrom<RequestLoginCodeError> for UserError {
    type Error = ApiError;

    fn try_from(error: RequestLoginCodeError) -> Result<Self, ApiError> {
        Ok(match error {
            RequestLoginCodeError::InvalidInput(fields) => Self::invalid_input(fields),
            RequestLoginCodeError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<StartReauthenticationError> for UserError {
    type Error = ApiError;

    fn try_from(error: StartReauthenticationError) -> Result<Self, ApiError> {
        Ok(match error {
            StartReauthenticationError::NotEnabled => Self::new(
                ErrorCode::NotEnabled,
                "This account has no confirmed email address to send a code to.",
            ),
            StartReauthenticationError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<ReauthenticateError> for UserError {
    type Error = ApiError;

    fn try_from(error: ReauthenticateError) -> Result<Self, ApiError> {
        Ok(match error {
            ReauthenticateError::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This confirmation has expired. Start again.")
            }
            ReauthenticateError::InvalidCredentials => Self::new(
                ErrorCode::InvalidCredentials,
                "The password is wrong, or the account is not linked to yours.",
            ),
            ReauthenticateError::InvalidOtp => {
                Self::new(ErrorCode::InvalidOtp, "This code is wrong or has expired.")
            }
            ReauthenticateError::NotAccepted => Self::new(
                ErrorCode::InvalidCredentials,
                "An access token does not confirm that it is you: send a code or an ID token.",
            ),
            ReauthenticateError::Identify(error) => error.try_into()?,
            ReauthenticateError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<RevertSecurityChangeError> for UserError {
    type Error = ApiError;

    fn try_from(error: RevertSecurityChangeError) -> Result<Self, ApiError> {
        Ok(match error {
            RevertSecurityChangeError::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This link is wrong or has expired.")
            }
            RevertSecurityChangeError::ReauthenticationRequired => Self::new(
                ErrorCode::ReauthenticationRequired,
                "To get the email address back, enter the password that the account had before the change.",
            ),
            RevertSecurityChangeError::InvalidCredentials => Self::new(
                ErrorCode::InvalidCredentials,
                "This is not what the account was signed in with before the change. The link still works.",
            ),
            RevertSecurityChangeError::EmailTaken => {
                Self::new(ErrorCode::EmailTaken, "Another account has this email address by now.")
            }
            RevertSecurityChangeError::Identify(error) => error.try_into()?,
            RevertSecurityChangeError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<ResendError> for UserError {
    type Error = ApiError;

    fn try_from(error: ResendError) -> Result<Self, ApiError> {
        Ok(match error {
            ResendError::NotEnabled => Self::not_enabled(),
            ResendError::InvalidInput(fields) => Self::invalid_input(fields),
            ResendError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<ChangeEmailError> for UserError {
    type Error = ApiError;

    fn try_from(error: ChangeEmailError) -> Result<Self, ApiError> {
        Ok(match error {
            ChangeEmailError::InvalidInput(fields) => Self::invalid_input(fields),
            ChangeEmailError::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "This is not the current password.")
            }
            ChangeEmailError::ReauthenticationRequired => Self::reauthentication_required(),
            ChangeEmailError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<RequestPasswordResetError> for UserError {
    type Error = ApiError;

    fn try_from(error: RequestPasswordResetError) -> Result<Self, ApiError> {
        Ok(match error {
            RequestPasswordResetError::InvalidInput(fields) => Self::invalid_input(fields),
            RequestPasswordResetError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<ResetPasswordError> for UserError {
    type Error = ApiError;

    fn try_from(error: ResetPasswordError) -> Result<Self, ApiError> {
        Ok(match error {
            ResetPasswordError::InvalidToken => {
                let message = "This link is not good (any more): ask for another.";
                Self::new(ErrorCode::InvalidToken, message)
            }
            ResetPasswordError::InvalidInput(fields) => Self::invalid_input(fields),
            ResetPasswordError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<StartGoogleLoginError> for UserError {
    type Error = ApiError;

    fn try_from(error: StartGoogleLoginError) -> Result<Self, ApiError> {
        Ok(match error {
            StartGoogleLoginError::NotEnabled => Self::google_not_enabled(),
            StartGoogleLoginError::InvalidInput(fields) => Self::invalid_input(fields),
            StartGoogleLoginError::Unavailable => Self::google_unavailable(),
            StartGoogleLoginError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<IdentifyError> for UserError {
    type Error = ApiError;

    fn try_from(error: IdentifyError) -> Result<Self, ApiError> {
        Ok(match error {
            IdentifyError::NotEnabled => Self::google_not_enabled(),
            IdentifyError::Rejected => Self::new(
                ErrorCode::GoogleRejected,
                "This Google sign-in is not good (any more): begin again.",
            ),
            IdentifyError::Unavailable => Self::google_unavailable(),
            IdentifyError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<GoogleLoginError> for UserError {
    type Error = ApiError;

    fn try_from(error: GoogleLoginError) -> Result<Self, ApiError> {
        Ok(match error {
            GoogleLoginError::Identify(error) => error.try_into()?,
            GoogleLoginError::SignupNotEnabled => Self::signup_not_enabled(),
            GoogleLoginError::LinkRequired => Self::new(
                ErrorCode::LinkRequired,
                "There is an account with this address: sign in to it another way, and link Google to it.",
            ),
            GoogleLoginError::AccountDisabled => Self::account_disabled(),
            GoogleLoginError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<LinkGoogleError> for UserError {
    type Error = ApiError;

    fn try_from(error: LinkGoogleError) -> Result<Self, ApiError> {
        Ok(match error {
            LinkGoogleError::Identify(error) => error.try_into()?,
            LinkGoogleError::IdentityTaken => {
                Self::new(ErrorCode::IdentityTaken, "This Google account is linked to another user.")
            }
            LinkGoogleError::Unauthenticated(why) => return Err(ApiError::Unauthenticated(why)),
            LinkGoogleError::ReauthenticationRequired => Self::reauthentication_required(),
            LinkGoogleError::Fault(fault) => Self::wait(fault)?,
        })
    }
}

impl TryFrom<UnlinkGoogleError> for UserError {
    type Error = ApiError;

    fn try_from(error: UnlinkGoogleError) -> Result<Self, ApiError> {
        Ok(match error {
            UnlinkGoogleError::LastSignInMethod => Self::new(
                ErrorCode::LastSignInMethod,
                "Google is the only way in: set a password before you unlink it.",
            ),
            UnlinkGoogleError::ReauthenticationRequired => Self::reauthentication_required(),
            UnlinkGoogleError::Fault(fault) => Self::wait(fault)?,
        })
    }
}
