//! One's own account: making it, and changing it.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use secrecy::SecretString;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    numbers::length,
    reauthentication::{ReauthenticationProof, unknown_provider},
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        email_challenge::{ChallengeMethod, EmailChallengeResult},
        password_changed::PasswordChangeResult,
        user::{User, UserResult},
    },
    verification::EmailVerificationMode,
};
use crate::{
    accounts::{
        self, Change, ChangePasswordRefusal, NewAccountInput, OwnershipProof, RevertSecurityChangeRefusal,
        SignupRefusal, UpdateProfileRefusal,
    },
    app::App,
    input::{PASSWORD_MAX_LENGTH, USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH},
    sessions::Viewer,
};

/// The queries on accounts.
#[derive(Default)]
pub struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// The signed-in user.
    async fn me(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let Viewer { user, session, .. } = viewer(ctx)?.clone();
        Ok(User::new(user, Some(session.id)))
    }

    /// Whether a username is well-formed and free. Too many requests fail with `LIMIT_EXCEEDED` and `extensions.retryAfter` in
    /// seconds.
    async fn username_available(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name, in any case.")] username: String,
    ) -> Result<bool, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(accounts::username_available(app, &caller.client, &username).await?)
    }

    /// What a client must know to draw its forms.
    async fn auth_settings(&self, ctx: &Context<'_>) -> AuthSettings {
        let config = &ctx.data_unchecked::<Arc<App>>().config;
        AuthSettings {
            signup_enabled: config.sign_up.signup,
            email_required: config.sign_up.email_required,
            email_verification: config.sign_up.email_verification.into(),
            email_verification_method: config.sign_up.email_verification_method.into(),
            otp_length: config.codes.otp_length.into(),
            password_min_length: length(config.passwords.password_min_length),
            password_max_length: length(PASSWORD_MAX_LENGTH),
            username_min_length: length(USERNAME_MIN_LENGTH),
            username_max_length: length(USERNAME_MAX_LENGTH),
            google_client_id: config.google.as_ref().map(|google| google.client_id.clone()),
        }
    }
}

/// The mutations of accounts.
#[derive(Default)]
pub struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Creates an account and signs in; where verification is mandatory, answers with a challenge instead.
    async fn signup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to be.")] input: SignupInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match accounts::signup(app, &caller.client, input.into()).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        })
    }

    /// Changes the viewer's own profile. Fields left out stay as they are; null clears. Another username needs a recent proof:
    /// see `reauthenticate`.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UserResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match accounts::update_profile(app, &caller.client, viewer, input.into()).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Changes, or where there is none sets, the viewer's password, and ends the viewer's other sessions. The first password
    /// needs a recent proof: see `reauthenticate`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old password and the new.")] input: ChangePasswordInput,
    ) -> Result<PasswordChangeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match accounts::change_password(app, &caller.client, viewer(ctx)?, input.into()).await {
            Ok(ended) => {
                caller.delivery.ended(app, &ended);
                PasswordChangeResult::PasswordChanged(ended.into())
            }
            Err(error) => PasswordChangeResult::UserError(error.try_into()?),
        })
    }

    /// Undoes a security change with the link of its notice: ends every session and the password, removes accounts that were
    /// linked since, links those that were unlinked since, and mails a password reset. It signs nobody in. An email address
    /// comes back only with a second proof from before the change: the password or a linked account of that time.
    async fn revert_security_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text after `token=` in the link.", secret)] token: String,
        #[graphql(desc = "A proof from before the change, where the address would come back.")] proof: Option<
            ReauthenticationProof,
        >,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(proof) = proof.map(OwnershipProof::try_from).transpose() else {
            return Ok(EmailChallengeResult::UserError(unknown_provider()));
        };
        let input = accounts::RevertSecurityChangeInput { token: token.into(), proof };
        accounts::revert_security_change(app, &caller.client, input).await.try_into()
    }
}

/// A new account. `email` is required unless the server is configured otherwise; then `username` is required in its place.
#[derive(InputObject)]
pub struct SignupInput {
    /// The address: an ASCII local part, and a domain that may be international; at most 254 bytes.
    email: Option<String>,
    /// The name to sign in with: 3 to 30 of the letters a to z, digits, and `_ . -`; unique whatever the case.
    username: Option<String>,
    /// At least `passwordMinLength` and at most 128 characters of any kind, and not easily guessed.
    #[graphql(secret)]
    password: String,
    /// Checked where given: must equal `password`.
    #[graphql(secret)]
    password_confirmation: Option<String>,
    /// The full name; at most 150 characters.
    name: Option<String>,
    /// The given name; at most 150 characters.
    first_name: Option<String>,
    /// The family name; at most 150 characters.
    last_name: Option<String>,
}

impl From<SignupInput> for NewAccountInput {
    fn from(input: SignupInput) -> Self {
        Self {
            email: input.email,
            username: input.username,
            password: input.password.into(),
            password_confirmation: input.password_confirmation.map(SecretString::from),
            name: input.name,
            first_name: input.first_name,
            last_name: input.last_name,
        }
    }
}

/// The old password and the new.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password as it is. It may be left out only where the account has none.
    #[graphql(secret)]
    current_password: Option<String>,
    /// At least `passwordMinLength` and at most 128 characters of any kind, not easily guessed, and another than before.
    #[graphql(secret)]
    new_password: String,
    /// Checked where given: must equal `newPassword`.
    #[graphql(secret)]
    new_password_confirmation: Option<String>,
}

impl From<ChangePasswordInput> for accounts::ChangePasswordInput {
    fn from(input: ChangePasswordInput) -> Self {
        Self {
            current_password: input.current_password.map(SecretString::from),
            new_password: input.new_password.into(),
            new_password_confirmation: input.new_password_confirmation.map(SecretString::from),
        }
    }
}

/// Changes to a profile. Fields left out stay as they are; null, or blank, clears.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// The full name; at most 150 characters. Without one it is first and last name joined.
    name: MaybeUndefined<String>,
    /// The given name; at most 150 characters.
    first_name: MaybeUndefined<String>,
    /// The family name; at most 150 characters.
    last_name: MaybeUndefined<String>,
    /// What one says of oneself; at most 500 characters, in lines.
    bio: MaybeUndefined<String>,
    /// A picture, by an https URL of at most 2,048 bytes.
    avatar_url: MaybeUndefined<String>,
    /// The name to sign in with: 3 to 30 of the letters a to z, digits, and `_ . -`; unique whatever the case. It can be
    /// cleared where there is an email address.
    username: MaybeUndefined<String>,
}

impl From<UpdateProfileInput> for accounts::UpdateProfileInput {
    fn from(input: UpdateProfileInput) -> Self {
        let change = |field| match field {
            MaybeUndefined::Undefined => Change::Keep,
            MaybeUndefined::Null => Change::Clear,
            MaybeUndefined::Value(text) => Change::Set(text),
        };
        Self {
            name: change(input.name),
            first_name: change(input.first_name),
            last_name: change(input.last_name),
            bio: change(input.bio),
            avatar_url: change(input.avatar_url),
            username: change(input.username),
        }
    }
}

/// What a client must know to draw its forms.
#[derive(SimpleObject)]
pub struct AuthSettings {
    /// Whether people may create accounts.
    signup_enabled: bool,
    /// Whether a new account must have an email address; else a username will do.
    email_required: bool,
    /// When an email address must be proven.
    email_verification: EmailVerificationMode,
    /// How an email address is proven.
    email_verification_method: ChallengeMethod,
    /// Digits of a one-time password.
    otp_length: i32,
    /// The fewest characters of a password.
    password_min_length: i32,
    /// The most characters of a password.
    password_max_length: i32,
    /// The fewest characters of a username.
    username_min_length: i32,
    /// The most characters of a username.
    username_max_length: i32,
    /// The client id for Google sign-in. Null where that is switched off.
    google_client_id: Option<String>,
}

impl From<SignupRefusal> for UserError {
    fn from(refusal: SignupRefusal) -> Self {
        match refusal {
            SignupRefusal::NotEnabled => Self::signup_not_enabled(),
            SignupRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            SignupRefusal::EmailTaken => Self::taken(
                ErrorCode::EmailTaken,
                "email",
                "An account with this email address already exists.",
            ),
            SignupRefusal::UsernameTaken => Self::username_taken(),
        }
    }
}

impl From<UpdateProfileRefusal> for UserError {
    fn from(refusal: UpdateProfileRefusal) -> Self {
        match refusal {
            UpdateProfileRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            UpdateProfileRefusal::UsernameTaken => Self::username_taken(),
            UpdateProfileRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<ChangePasswordRefusal> for UserError {
    fn from(refusal: ChangePasswordRefusal) -> Self {
        match refusal {
            ChangePasswordRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            ChangePasswordRefusal::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "The current password is incorrect.")
            }
            ChangePasswordRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<RevertSecurityChangeRefusal> for UserError {
    fn from(refusal: RevertSecurityChangeRefusal) -> Self {
        match refusal {
            RevertSecurityChangeRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This link is wrong or has expired.")
            }
            RevertSecurityChangeRefusal::ReauthenticationRequired => Self::new(
                ErrorCode::ReauthenticationRequired,
                "To get the email address back, enter the password that the account had before the change.",
            ),
            RevertSecurityChangeRefusal::InvalidCredentials => Self::new(
                ErrorCode::InvalidCredentials,
                "This did not sign in to the account before the change. The link still works.",
            ),
            RevertSecurityChangeRefusal::EmailTaken => {
                Self::new(ErrorCode::EmailTaken, "Another account uses this email address now.")
            }
            RevertSecurityChangeRefusal::Identify(refusal) => refusal.into(),
        }
    }
}
