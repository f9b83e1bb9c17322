//! Signing in with Google, and linking a Google account to one's own.

use async_graphql::{Context, InputObject, Object, OneofObject, SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    numbers::seconds,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        user::{User, UserResult},
    },
};
use crate::{
    google_login::{
        self, GoogleLoginRefusal, IdentifyRefusal, LinkGoogleRefusal, StartGoogleLoginRefusal,
        UnlinkGoogleRefusal,
    },
    sessions::{Unauthenticated, Viewer},
};

/// The mutations of Google sign-in.
#[derive(Default)]
pub struct GoogleLoginMutation;

#[Object]
impl GoogleLoginMutation {
    /// Starts Google sign-in in the browser, using the authorization code flow with PKCE. Returns the URL to send the user to.
    async fn start_google_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The URL that Google sends the user back to. It must match one of the server's redirect URIs exactly. \
                          The default is the first of them."
        )]
        redirect_uri: Option<String>,
    ) -> Result<StartGoogleLoginResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let started = google_login::start_google_login(app, &caller.client, redirect_uri.as_deref()).await;
        Ok(match started {
            Ok(started) => StartGoogleLoginResult::GoogleAuthorization(started.into()),
            Err(error) => StartGoogleLoginResult::UserError(error.try_into()?),
        })
    }

    /// Signs in with a Google credential. Any existing session is ignored. The first sign-in with a Google account creates
    /// an account, or links it to the account with the same email address. If Google is not authoritative for the address,
    /// fails with `LINK_REQUIRED`: sign in another way and call `linkGoogle`.
    async fn google_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential from Google.")] input: GoogleLoginInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match google_login::google_login(app, &caller.client, &input.into()).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        })
    }

    /// Links a Google account to the viewer's account, so that the viewer can sign in with it. Its email address may be
    /// different. Linking the same account again succeeds. Requires recent reauthentication; see `reauthenticate`.
    async fn link_google(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credential from Google.")] input: GoogleLoginInput,
    ) -> Result<UserResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match google_login::link_google(app, &caller.client, viewer, &input.into()).await {
            Ok(Some(user)) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Ok(None) => return Err(ApiError::Unauthenticated(Unauthenticated::Revoked)),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Unlinks the viewer's Google accounts. Refused if they are the only way to sign in: set a password first. Succeeds if
    /// no Google account is linked. Requires recent reauthentication; see `reauthenticate`.
    async fn unlink_google(&self, ctx: &Context<'_>) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer @ Viewer { session, .. } = viewer(ctx)?;
        Ok(match google_login::unlink_google(app, viewer).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }
}

/// A credential from Google. Give exactly one field.
#[derive(OneofObject)]
pub enum GoogleLoginInput {
    /// An access token issued to this server's client ID, with the scope `email`.
    #[graphql(secret)]
    AccessToken(String),
    /// An ID token, from Google One Tap or a native app.
    IdToken(GoogleIdTokenInput),
    /// An authorization code, from the flow that `startGoogleLogin` started.
    AuthorizationCode(GoogleAuthorizationCodeInput),
}

/// A Google ID token.
#[derive(InputObject)]
pub struct GoogleIdTokenInput {
    /// The ID token, issued to this server's client ID.
    #[graphql(secret)]
    id_token: String,
    /// The nonce that the client sent to Google, which the token must contain. Null if the token has none.
    nonce: Option<String>,
}

/// An authorization code, with proof that the same browser started the flow.
#[derive(InputObject)]
pub struct GoogleAuthorizationCodeInput {
    /// The parameter `code` of the redirect.
    #[graphql(secret)]
    code: String,
    /// The parameter `state` of the redirect. It works once.
    #[graphql(secret)]
    state: String,
    /// The `codeVerifier` that `startGoogleLogin` returned to this browser.
    #[graphql(secret)]
    code_verifier: String,
}

impl From<GoogleLoginInput> for google_login::GoogleLoginInput {
    fn from(input: GoogleLoginInput) -> Self {
        match input {
            GoogleLoginInput::AccessToken(token) => Self::AccessToken(token.into()),
            GoogleLoginInput::IdToken(GoogleIdTokenInput { id_token, nonce }) => {
                Self::IdToken { id_token: id_token.into(), nonce }
            }
            GoogleLoginInput::AuthorizationCode(input) => Self::AuthorizationCode {
                code: input.code.into(),
                state: input.state.into(),
                code_verifier: input.code_verifier.into(),
            },
        }
    }
}

/// A Google sign-in that was started in the browser.
#[derive(SimpleObject)]
pub struct GoogleAuthorization {
    /// The URL to send the user to. Google sends them back to `redirectUri` with the query parameters `code` and `state`, or
    /// `error`.
    authorization_url: String,
    /// The value that the redirect must carry as `state`. If it differs, someone else started the sign-in: reject it.
    state: String,
    /// The PKCE code verifier (RFC 7636). Keep it in this browser and send it with the code: it binds the flow to this
    /// browser.
    code_verifier: String,
    /// Seconds until the sign-in expires.
    expires_in: i32,
}

impl From<google_login::GoogleAuthorization> for GoogleAuthorization {
    fn from(started: google_login::GoogleAuthorization) -> Self {
        Self {
            authorization_url: started.url.into(),
            state: started.state.expose_secret().to_owned(),
            code_verifier: started.code_verifier.expose_secret().to_owned(),
            expires_in: seconds(started.expires_in.as_secs().try_into().unwrap_or(i64::MAX)),
        }
    }
}

/// The result of starting a Google sign-in.
#[derive(Union)]
pub enum StartGoogleLoginResult {
    /// The sign-in was started.
    GoogleAuthorization(GoogleAuthorization),
    /// The request was refused.
    UserError(UserError),
}

impl From<StartGoogleLoginRefusal> for UserError {
    fn from(refusal: StartGoogleLoginRefusal) -> Self {
        match refusal {
            StartGoogleLoginRefusal::NotEnabled => Self::google_not_enabled(),
            StartGoogleLoginRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            StartGoogleLoginRefusal::Unavailable => Self::google_unavailable(),
        }
    }
}

impl From<IdentifyRefusal> for UserError {
    fn from(refusal: IdentifyRefusal) -> Self {
        match refusal {
            IdentifyRefusal::NotEnabled => Self::google_not_enabled(),
            IdentifyRefusal::Rejected => Self::new(
                ErrorCode::GoogleRejected,
                "This Google sign-in has expired or was rejected. Start again.",
            ),
            IdentifyRefusal::Unavailable => Self::google_unavailable(),
        }
    }
}

impl From<GoogleLoginRefusal> for UserError {
    fn from(refusal: GoogleLoginRefusal) -> Self {
        match refusal {
            GoogleLoginRefusal::Identify(refusal) => refusal.into(),
            GoogleLoginRefusal::SignupNotEnabled => Self::signup_not_enabled(),
            GoogleLoginRefusal::LinkRequired => Self::new(
                ErrorCode::LinkRequired,
                "An account with this email address already exists. Sign in to it another way, then link Google to it.",
            ),
            GoogleLoginRefusal::AccountDisabled => Self::account_disabled(),
        }
    }
}

impl From<LinkGoogleRefusal> for UserError {
    fn from(refusal: LinkGoogleRefusal) -> Self {
        match refusal {
            LinkGoogleRefusal::Identify(refusal) => refusal.into(),
            LinkGoogleRefusal::IdentityTaken => {
                Self::new(ErrorCode::IdentityTaken, "This Google account is linked to another user.")
            }
            LinkGoogleRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<UnlinkGoogleRefusal> for UserError {
    fn from(refusal: UnlinkGoogleRefusal) -> Self {
        match refusal {
            UnlinkGoogleRefusal::LastSignInMethod => Self::new(
                ErrorCode::LastSignInMethod,
                "Google is your only way to sign in. Set a password before you unlink it.",
            ),
            UnlinkGoogleRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
