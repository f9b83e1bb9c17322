//! Signing up, and changing one's own account.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use secrecy::SecretString;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    reauthentication::ReauthenticationProof,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        email_challenge::EmailChallengeResult,
        password_changed::PasswordChangeResult,
        user::{User, UserResult},
        username_availability::UsernameAvailableResult,
    },
    unhandled::Growing,
};
use crate::{
    accounts::{
        self, Change, ChangePasswordRefusal, NewAccountInput, OwnershipProof, RevertSecurityChangeRefusal,
        SignupRefusal, UpdateProfileRefusal, UsernameAvailableRefusal,
    },
    sessions::Viewer,
};

/// The queries on the viewer's own account and on usernames.
#[derive(Default)]
pub struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// The signed-in user. Fails with `UNAUTHENTICATED` if nobody is signed in.
    async fn me(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let Viewer { user, session, .. } = viewer(ctx)?.clone();
        Ok(User::new(user, Some(session.id)))
    }

    /// The signed-in user, for an app's first query. Null if nobody is signed in: the access token is missing, invalid
    /// or expired, or the session has ended.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        Ok(viewer.map(|Viewer { user, session, .. }| User::new(user.clone(), Some(session.id))))
    }

    /// Whether a username is available. An invalid username is refused with `INVALID_INPUT`.
    async fn username_available(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The username to check. Case is ignored.")] username: String,
    ) -> Result<UsernameAvailableResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match accounts::username_available(app, &caller.client, &username).await {
            Ok(checked) => UsernameAvailableResult::UsernameAvailability(checked.into()),
            Err(error) => UsernameAvailableResult::UserError(error.try_into()?),
        })
    }
}

/// The mutations that create an account or change the viewer's own.
#[derive(Default)]
pub struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Creates an account and signs the user in. If email verification is mandatory, returns an `EmailChallenge` instead.
    async fn signup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new account.")] input: SignupInput,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(Growing(match accounts::signup(app, &caller.client, input.into()).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        }))
    }

    /// Updates the viewer's own profile. Omitted fields stay unchanged; null clears a field. Changing the username requires
    /// recent reauthentication; see `reauthenticate`.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields to update.")] input: UpdateProfileInput,
    ) -> Result<UserResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match accounts::update_profile(app, &caller.client, viewer, input.into()).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Changes the viewer's password, or sets the first one, and ends the viewer's other sessions. Setting the first
    /// password requires recent reauthentication; see `reauthenticate`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The current and the new password.")] input: ChangePasswordInput,
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

    /// Reverts a security change with the link in the email that reported it: ends every session, removes the password, unlinks
    /// accounts linked since the change, relinks accounts unlinked since the change, and emails a password reset link. Does not
    /// sign the user in. A previous email address is restored only with a second proof: the password or a linked account from
    /// before the change.
    async fn revert_security_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token: the text after `token=` in the link.", secret)] token: String,
        #[graphql(
            desc = "The password or a linked account from before the change. Required to restore an email address."
        )]
        proof: Option<ReauthenticationProof>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let proof = proof.map(OwnershipProof::from);
        let input = accounts::RevertSecurityChangeInput { token: token.into(), proof };
        accounts::revert_security_change(app, &caller.client, input).await.try_into()
    }
}

/// A new account. `email` is required if `AuthSettings.emailRequired` is true. Otherwise `email` or `username` is required.
#[derive(InputObject)]
pub struct SignupInput {
    /// The email address: an ASCII local part and a domain, which may be internationalized; at most 254 bytes.
    email: Option<String>,
    /// The username to sign in with: 3 to 30 characters from a to z, A to Z, 0 to 9, and `_ . -`. Unique, ignoring case.
    username: Option<String>,
    /// The password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, and not easily
    /// guessed.
    #[graphql(secret)]
    password: String,
    /// The password again. If given, it must equal `password`.
    #[graphql(secret)]
    password_confirmation: Option<String>,
    /// The full name; at most 150 characters.
    name: Option<String>,
    /// The first name; at most 150 characters.
    first_name: Option<String>,
    /// The last name; at most 150 characters.
    last_name: Option<String>,
}

impl From<SignupInput> for NewAccountInput {
    fn from(input: SignupInput) -> Self {
        Self {
            email: input.email,
            username: input.username,
            password: Some(input.password.into()),
            password_confirmation: input.password_confirmation.map(SecretString::from),
            name: input.name,
            first_name: input.first_name,
            last_name: input.last_name,
        }
    }
}

/// The current and the new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The current password. Required if the account has a password.
    #[graphql(secret)]
    current_password: Option<String>,
    /// The new password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, not easily
    /// guessed, and different from the current one.
    #[graphql(secret)]
    new_password: String,
    /// The new password again. If given, it must equal `newPassword`.
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

/// Changes to a profile. Omitted fields stay unchanged; null or blank text clears a field.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// The full name; at most 150 characters. If cleared, `User.name` is the first and last name joined.
    name: MaybeUndefined<String>,
    /// The first name; at most 150 characters.
    first_name: MaybeUndefined<String>,
    /// The last name; at most 150 characters.
    last_name: MaybeUndefined<String>,
    /// A short text about the user; at most 500 characters. It may have line breaks.
    bio: MaybeUndefined<String>,
    /// The https URL of a picture; at most 2,048 bytes.
    avatar_url: MaybeUndefined<String>,
    /// The username to sign in with: 3 to 30 characters from a to z, A to Z, 0 to 9, and `_ . -`. Unique, ignoring case. It
    /// can be cleared only if the account has an email address.
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

impl From<SignupRefusal> for UserError {
    fn from(refusal: SignupRefusal) -> Self {
        match refusal {
            SignupRefusal::NotEnabled => Self::signup_not_enabled(),
            // a sign-up with a password has no passkey
            SignupRefusal::PasskeySpent => Self::sign_in_expired(),
            SignupRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<UsernameAvailableRefusal> for UserError {
    fn from(UsernameAvailableRefusal::InvalidInput(fields): UsernameAvailableRefusal) -> Self {
        Self::invalid_input(fields)
    }
}

impl From<UpdateProfileRefusal> for UserError {
    fn from(refusal: UpdateProfileRefusal) -> Self {
        match refusal {
            UpdateProfileRefusal::InvalidInput(fields) => Self::invalid_input(fields),
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
                "To restore the email address, enter the password that the account had before the change.",
            ),
            RevertSecurityChangeRefusal::InvalidCredentials => Self::new(
                ErrorCode::InvalidCredentials,
                "You could not sign in with this password or account before the change. The link still works.",
            ),
            RevertSecurityChangeRefusal::EmailTaken => {
                Self::new(ErrorCode::EmailTaken, "Another account now uses this email address.")
            }
            RevertSecurityChangeRefusal::Identify(refusal) => refusal.into(),
        }
    }
}
