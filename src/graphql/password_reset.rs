//! Resetting forgotten passwords.

use async_graphql::{Context, InputObject, Object};
use secrecy::SecretString;

use super::{
    caller::caller,
    error::ApiError,
    refusal::{ErrorCode, UserError},
    types::{email_challenge::EmailChallengeResult, password_changed::PasswordChangeResult},
};
use crate::password_reset::{self, RequestPasswordResetRefusal, ResetPasswordRefusal};

/// The mutations for password resets.
#[derive(Default)]
pub struct PasswordResetMutation;

#[Object]
impl PasswordResetMutation {
    /// Emails a password reset link. The response is the same whether or not an account has the email address.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address of the account.")] email: String,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        password_reset::request_password_reset(app, &caller.client, &email).await.try_into()
    }

    /// Sets a new password with the token of an emailed link, and ends every session of the user. Does not sign the user in.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the new password.")] input: ResetPasswordInput,
    ) -> Result<PasswordChangeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match password_reset::reset_password(app, &caller.client, input.into()).await {
            Ok(ended) => {
                caller.delivery.ended(app, &ended);
                PasswordChangeResult::PasswordChanged(ended.into())
            }
            Err(error) => PasswordChangeResult::UserError(error.try_into()?),
        })
    }
}

/// A new password, and the token that authorizes it.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token: the text after `token=` in the emailed link.
    #[graphql(secret)]
    token: String,
    /// The new password: at least `AuthSettings.passwordMinLength` and at most 128 characters of any kind, and not easily
    /// guessed.
    #[graphql(secret)]
    new_password: String,
    /// The new password again. If given, it must equal `newPassword`.
    #[graphql(secret)]
    new_password_confirmation: Option<String>,
}

impl From<ResetPasswordInput> for password_reset::ResetPasswordInput {
    fn from(input: ResetPasswordInput) -> Self {
        Self {
            token: input.token.into(),
            new_password: input.new_password.into(),
            new_password_confirmation: input.new_password_confirmation.map(SecretString::from),
        }
    }
}

impl From<RequestPasswordResetRefusal> for UserError {
    fn from(refusal: RequestPasswordResetRefusal) -> Self {
        match refusal {
            RequestPasswordResetRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<ResetPasswordRefusal> for UserError {
    fn from(refusal: ResetPasswordRefusal) -> Self {
        match refusal {
            ResetPasswordRefusal::InvalidToken => {
                let message = "This link is wrong or has expired. Request another one.";
                Self::new(ErrorCode::InvalidToken, message)
            }
            ResetPasswordRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}
