//! Signing in with an account at a provider, and linking such an account to a Gatehouse account.

use async_graphql::{Context, ID, Object, SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    numbers::seconds,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        provider_login_input::{GoogleLoginInput, ProviderLoginInput},
        user::{User, UserResult},
    },
    unhandled::Growing,
};
use crate::{
    provider_login::{
        self, IdentifyRefusal, LinkIdentityRefusal, ProviderLoginRefusal, StartProviderLoginRefusal,
        UnlinkIdentityRefusal,
    },
    sessions::{Unauthenticated, Viewer},
};

/// The mutations for sign-in with a provider.
#[derive(Default)]
pub struct ProviderLoginMutation;

#[Object]
impl ProviderLoginMutation {
    /// Starts a sign-in with a provider in the browser, using the authorization code flow with PKCE. Returns the URL to send the
    /// user to.
    async fn start_provider_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the provider: see `AuthSettings.providers`.")] provider: ID,
        #[graphql(
            desc = "The URL that the provider sends the user back to. It must match one of the server's redirect URIs \
                          exactly. Defaults to the first of them."
        )]
        redirect_uri: Option<String>,
    ) -> Result<StartProviderLoginResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let redirect_uri = redirect_uri.as_deref();
        let started =
            provider_login::start_provider_login(app, &caller.client, &provider, redirect_uri).await;
        Ok(match started {
            Ok(started) => StartProviderLoginResult::ProviderAuthorization(started.into()),
            Err(error) => StartProviderLoginResult::UserError(error.try_into()?),
        })
    }

    /// Signs in with a credential from a provider. Any existing session is ignored. The first sign-in with an account at the
    /// provider creates a user, or links the account to the existing user with the same email address. If there is such a user but
    /// the provider is not authoritative for the address, fails with `LINK_REQUIRED`: sign in another way and call `linkIdentity`.
    async fn provider_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider and its credential.")] input: ProviderLoginInput,
    ) -> Result<Growing<SignInResult>, ApiError> {
        sign_in(ctx, input.into()).await
    }

    /// Signs in with a credential from Google: a shorthand for `providerLogin` with the provider `google`.
    async fn google_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential from Google.")] input: GoogleLoginInput,
    ) -> Result<Growing<SignInResult>, ApiError> {
        sign_in(ctx, input.into()).await
    }

    /// Links an account at a provider to the viewer's account, so that the viewer can sign in with it. The two accounts may have
    /// different email addresses. Linking the same account again succeeds. Requires recent reauthentication; see `reauthenticate`.
    async fn link_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider and its credential.")] input: ProviderLoginInput,
    ) -> Result<UserResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match provider_login::link_identity(app, &caller.client, viewer, &input.into()).await {
            Ok(Some(user)) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Ok(None) => return Err(ApiError::Unauthenticated(Unauthenticated::Revoked)),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Unlinks one of the viewer's accounts at a provider. Refused if it is the viewer's only way to sign in: set a password first.
    /// Succeeds without effect if the viewer has no such identity. Requires recent reauthentication; see `reauthenticate`.
    async fn unlink_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `Identity`.")] id: ID,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer @ Viewer { session, .. } = viewer(ctx)?;
        // no identity has the nil UUID
        let id = id.parse().unwrap_or_default();
        Ok(match provider_login::unlink_identity(app, viewer, id).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }
}

async fn sign_in(
    ctx: &Context<'_>,
    input: provider_login::ProviderLoginInput,
) -> Result<Growing<SignInResult>, ApiError> {
    let (app, caller) = caller(ctx)?;
    Ok(Growing(match provider_login::provider_login(app, &caller.client, &input).await {
        Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
        Err(error) => SignInResult::UserError(error.try_into()?),
    }))
}

/// The start of a sign-in with a provider in the browser.
#[derive(SimpleObject)]
pub struct ProviderAuthorization {
    /// The URL to send the user to. The provider sends them back to `redirectUri` with the query parameters `code` and `state`,
    /// or `error`.
    authorization_url: String,
    /// The value that the redirect must carry as `state`. If the redirect carries another value, someone else
    /// started the sign-in: reject it.
    state: String,
    /// The PKCE code verifier (RFC 7636). Keep it in this browser and send it with the code: it binds the flow to this
    /// browser.
    code_verifier: String,
    /// Seconds until the sign-in expires.
    expires_in: i32,
}

impl From<provider_login::ProviderAuthorization> for ProviderAuthorization {
    fn from(started: provider_login::ProviderAuthorization) -> Self {
        Self {
            authorization_url: started.url.into(),
            state: started.state.expose_secret().to_owned(),
            code_verifier: started.code_verifier.expose_secret().to_owned(),
            expires_in: seconds(started.expires_in.as_secs().try_into().unwrap_or(i64::MAX)),
        }
    }
}

/// The result of starting a sign-in with a provider.
#[derive(Union)]
pub enum StartProviderLoginResult {
    /// The sign-in was started.
    ProviderAuthorization(ProviderAuthorization),
    /// The request was refused.
    UserError(UserError),
}

impl From<StartProviderLoginRefusal> for UserError {
    fn from(refusal: StartProviderLoginRefusal) -> Self {
        match refusal {
            StartProviderLoginRefusal::NotEnabled => Self::provider_not_enabled(),
            StartProviderLoginRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            StartProviderLoginRefusal::Unavailable => Self::provider_unavailable(),
        }
    }
}

impl From<IdentifyRefusal> for UserError {
    fn from(refusal: IdentifyRefusal) -> Self {
        match refusal {
            IdentifyRefusal::NotEnabled => Self::provider_not_enabled(),
            IdentifyRefusal::Rejected => Self::new(
                ErrorCode::ProviderRejected,
                "This sign-in has expired, or the provider rejected it. Start again.",
            ),
            IdentifyRefusal::Unavailable => Self::provider_unavailable(),
        }
    }
}

impl From<ProviderLoginRefusal> for UserError {
    fn from(refusal: ProviderLoginRefusal) -> Self {
        match refusal {
            ProviderLoginRefusal::Identify(refusal) => refusal.into(),
            ProviderLoginRefusal::SignupNotEnabled => Self::signup_not_enabled(),
            ProviderLoginRefusal::LinkRequired => Self::new(
                ErrorCode::LinkRequired,
                "An account with this email address already exists. Sign in to it another way, then link your \
                 provider account.",
            ),
            ProviderLoginRefusal::AccountDisabled => Self::account_disabled(),
        }
    }
}

impl From<LinkIdentityRefusal> for UserError {
    fn from(refusal: LinkIdentityRefusal) -> Self {
        match refusal {
            LinkIdentityRefusal::Identify(refusal) => refusal.into(),
            LinkIdentityRefusal::IdentityTaken => {
                Self::new(ErrorCode::IdentityTaken, "This account is linked to another user.")
            }
            LinkIdentityRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<UnlinkIdentityRefusal> for UserError {
    fn from(refusal: UnlinkIdentityRefusal) -> Self {
        match refusal {
            UnlinkIdentityRefusal::LastSignInMethod => Self::new(
                ErrorCode::LastSignInMethod,
                "This is your only way to sign in. Set a password before you unlink it.",
            ),
            UnlinkIdentityRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
