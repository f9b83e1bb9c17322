//! Sessions: signing in, staying signed in, signing out.

use async_graphql::{Context, ID, InputObject, Object};
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::{AuthPayload, RefreshResult, SignInResult},
        session::SessionsEnded,
    },
};
use crate::{
    fault::Failure,
    input,
    sessions::{self, LoginRefusal, RefreshRefusal},
};

/// The mutations of sessions.
#[derive(Default)]
pub struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Signs in with a username or an email address, and a password. A right password on an unproven address answers with a
    /// challenge where verification is mandatory.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in, and the proof.")] input: LoginInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let input = sessions::LoginInput { identifier: input.identifier, password: input.password.into() };
        Ok(match sessions::login(app, &caller.client, input).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(failure) => SignInResult::UserError(offer_code(failure.try_into()?)),
        })
    }

    /// Trades a refresh token for a new pair. Asking again with the same token gives the same pair while nobody has used it, or
    /// to another client a pair in its place; after that it ends the session, for then the token has two holders. Without an
    /// argument it is the cookie's token, and so is the next.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest refresh token of the session.", secret)] refresh_token: Option<String>,
    ) -> Result<RefreshResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let token = caller.delivery.given(refresh_token.as_deref());
        let refreshed = sessions::refresh(app, &caller.client, token).await;
        if refresh_token.is_none() && matches!(refreshed, Err(Failure::Refused(RefreshRefusal::InvalidToken)))
        {
            caller.delivery.clear();
        }
        Ok(match refreshed {
            Ok(signed_in) => {
                RefreshResult::AuthPayload(Box::new(AuthPayload::deliver(app, caller, signed_in)))
            }
            Err(error) => RefreshResult::UserError(error.try_into()?),
        })
    }

    /// Ends the session of the refresh token given, else of the cookie's, else of the access token. Ending an ended session is
    /// no error.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any refresh token of the session.", secret)] refresh_token: Option<String>,
    ) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let token = caller.delivery.given(refresh_token.as_deref());
        let ended = Vec::from_iter(sessions::logout(app, token, caller.access_token()).await?);
        if refresh_token.is_none() {
            caller.delivery.clear();
        }
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }

    /// Ends every session of the viewer, this one included.
    async fn logout_all(&self, ctx: &Context<'_>) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let ended = sessions::logout_all(app, viewer(ctx)?).await?;
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }

    /// Ends one session of the viewer. What is no live session of theirs is left alone, which is no error.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's.")] id: ID,
    ) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(SessionsEnded::from(Vec::new())) };
        let is_ended = sessions::revoke_session(app, viewer(ctx)?, id).await?;
        let ended = Vec::from_iter(is_ended.then_some(id));
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }
}

/// What to sign in with.
#[derive(InputObject)]
pub struct LoginInput {
    /// A username or an email address; at most 254 bytes.
    identifier: String,
    /// The password; at most 128 characters.
    #[graphql(secret)]
    password: String,
}

impl From<LoginRefusal> for UserError {
    fn from(refusal: LoginRefusal) -> Self {
        match refusal {
            LoginRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            LoginRefusal::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "Incorrect username, email address or password.")
            }
            LoginRefusal::AccountDisabled => Self::account_disabled(),
        }
    }
}

impl From<RefreshRefusal> for UserError {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::Required => {
                let wrong =
                    input::Invalid::new(input::FieldErrorCode::Required, "A refresh token is required.");
                Self::invalid_input(vec![wrong.at("refreshToken")])
            }
            RefreshRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This session has ended. Sign in again.")
            }
        }
    }
}

/// Strangers can use up the login budgets of an account. Its owner is told of the way in that strangers cannot block.
fn offer_code(mut error: UserError) -> UserError {
    if error.code == ErrorCode::RateLimited {
        error.message = format!("{} You can also request a sign-in code by email.", error.message);
    }
    error
}
