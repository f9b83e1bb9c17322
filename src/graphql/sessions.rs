//! Sessions: signing in, refreshing tokens, and signing out.

use async_graphql::{Context, ID, InputObject, Object};
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::{AuthPayload, RefreshResult, SignInResult},
        sessions_ended::SessionsEnded,
    },
    unhandled::Growing,
};
use crate::{
    fault::Failure,
    input,
    sessions::{self, LoginRefusal, RefreshRefusal},
};

/// The mutations that start, refresh and end sessions.
#[derive(Default)]
pub struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Signs in with a username or email address and a password. If the password is correct, but the email address is not
    /// verified and verification is mandatory, returns an `EmailChallenge`.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The username or email address, and the password.")] input: LoginInput,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let input = sessions::LoginInput { identifier: input.identifier, password: input.password.into() };
        Ok(Growing(match sessions::login(app, &caller.client, input).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(failure) => SignInResult::UserError(offer_code(failure.try_into()?)),
        }))
    }

    /// Exchanges a refresh token for a new pair of tokens. Until the new pair is used, sending the old token again returns the same
    /// new pair or, to another client, a pair that replaces it. Once the new pair has been used, sending the old token again ends
    /// the session, because two clients must have that token. If the argument is omitted, the old token is read from the cookie,
    /// and the new refresh token is set in the cookie.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The latest refresh token of the session.", secret)] refresh_token: Option<String>,
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

    /// Signs out: ends the session of the given refresh token. If the argument is omitted, ends the session of the cookie or, if
    /// there is no cookie, of the access token. Succeeds even if the session has already ended.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any refresh token of the session, new or old.", secret)] refresh_token: Option<
            String,
        >,
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

    /// Ends every session of the viewer, including the current one.
    async fn logout_all(&self, ctx: &Context<'_>) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let ended = sessions::logout_all(app, viewer(ctx)?).await?;
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }

    /// Ends one of the viewer's sessions. Succeeds without effect if the viewer has no active session with this ID.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the session.")] id: ID,
    ) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(SessionsEnded::from(Vec::new())) };
        let is_ended = sessions::revoke_session(app, viewer(ctx)?, id).await?;
        let ended = Vec::from_iter(is_ended.then_some(id));
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }
}

/// The credentials to sign in with.
#[derive(InputObject)]
pub struct LoginInput {
    /// The username or email address; at most 254 bytes.
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
                Self::new(ErrorCode::InvalidCredentials, "Incorrect username/email or password.")
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

/// Makes a rate-limit message say that the user can also request a sign-in code by email. Strangers can use up an account's
/// budgets for passwords, but they cannot block this way to sign in.
fn offer_code(mut error: UserError) -> UserError {
    if error.code == ErrorCode::RateLimited {
        error.message = format!("{} You can also request a sign-in code by email.", error.message);
    }
    error
}
