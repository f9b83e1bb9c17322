//! Signing in on one device with a link that was opened on another.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Subscription};
use futures_util::{Stream, StreamExt};
use secrecy::ExposeSecret;

use super::{
    caller::caller,
    error::ApiError,
    node::uuid,
    refusal::{ErrorCode, UserError},
    types::login_link::{ConfirmLoginLinkResult, LoginLinkConfirmation},
};
use crate::{
    app::App,
    verification::{self, ConfirmLoginLinkRefusal, TooManyWaiting},
};

/// The number of seconds until a client may try again, if too many clients are waiting for the challenge.
const WAIT: i32 = 5;

/// The mutation for the page that a link opens.
#[derive(Default)]
pub struct LoginLinksMutation;

#[Object]
impl LoginLinksMutation {
    /// Reads the token of an emailed sign-in link, for the page that the link opens. If another browser requested the link, the
    /// page should show the result. If `confirmationNumber` is omitted, nothing changes. If it is given, the link is confirmed, and
    /// the client that requested the link is signed in: see `loginLinkConfirmed`. The link still works with `activateAccount`.
    async fn confirm_login_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token: the text after `token=` in the link.", secret)] token: String,
        #[graphql(
            desc = "The `confirmationNumber` of the link, once the user has seen the same number on the other device."
        )]
        confirmation_number: Option<String>,
        #[graphql(desc = "The ID of the newest `SIGN_IN` challenge that this browser requested.")]
        challenge_id: Option<ID>,
    ) -> Result<ConfirmLoginLinkResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let input = verification::ConfirmLoginLinkInput {
            token: token.into(),
            confirmation_number,
            challenge_id: challenge_id.as_ref().map(uuid),
        };
        Ok(match verification::confirm_login_link(app, input).await {
            Ok(link) => ConfirmLoginLinkResult::LoginLink(link.into()),
            Err(failure) => ConfirmLoginLinkResult::UserError(failure.try_into()?),
        })
    }
}

/// The subscription for the client that requested a link.
#[derive(Default)]
pub struct LoginLinksSubscription;

#[Subscription]
impl LoginLinksSubscription {
    /// Waits until the emailed link of a `SIGN_IN` challenge is confirmed with `confirmLoginLink`, on this or another device. Then
    /// the stream sends the code, to pass to `verifyOtp` with the same `challengeId`, and completes. It also sends the code if the
    /// link was already confirmed. It completes without a code when the challenge is used, is replaced, or expires. Without an
    /// access token, only server-sent events (`graphql-sse`) are available, because a WebSocket requires one.
    /// Public: no access token is required.
    async fn login_link_confirmed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The ID of the `EmailChallenge`. Only the client that requested the challenge knows this ID."
        )]
        challenge_id: ID,
    ) -> Result<impl Stream<Item = Result<LoginLinkConfirmation, ApiError>> + use<>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>().clone();
        let codes = verification::await_login_link(app, uuid(&challenge_id))
            .map_err(|TooManyWaiting| ApiError::RateLimited("loginLinkConfirmed", WAIT))?;
        Ok(codes.map(|code| Ok(LoginLinkConfirmation { otp: code?.expose_secret().to_owned() })))
    }
}

impl From<ConfirmLoginLinkRefusal> for UserError {
    fn from(refusal: ConfirmLoginLinkRefusal) -> Self {
        match refusal {
            ConfirmLoginLinkRefusal::Invalid => Self::new(
                ErrorCode::InvalidToken,
                "This link is wrong or has expired. Use the newest email, or request another one.",
            ),
            ConfirmLoginLinkRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}
