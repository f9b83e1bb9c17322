//! Signing in by Google, and linking a Google account to one's own.

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
    /// Begins Google sign-in in the browser: the URL to send the person to (authorization code, PKCE).
    async fn start_google_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Where to come back to: one of those that the server is set to, letter by letter. \
                          The first of them unless said."
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

    /// Signs in with what Google gave the client. Whoever may be signed in already makes no difference. A Google account that
    /// was never seen gets an account of its own, or is linked to that with its address; where Google's word is not enough for
    /// that, `LINK_REQUIRED`: sign in, and `linkGoogle`.
    async fn google_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What Google gave.")] input: GoogleLoginInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        Ok(match google_login::google_login(app, &caller.client, &input.into()).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        })
    }

    /// Links a Google account to the viewer, whatever its address: it signs them in from then on. Linking it again is no error.
    /// Needs a recent proof: see `reauthenticate`.
    async fn link_google(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What Google gave.")] input: GoogleLoginInput,
    ) -> Result<UserResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match google_login::link_google(app, &caller.client, viewer, &input.into()).await {
            Ok(Some(user)) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Ok(None) => return Err(ApiError::Unauthenticated(Unauthenticated::Revoked)),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Unlinks the viewer's Google accounts, unless they are the only way in: who has no password sets one before. Where there
    /// is none, that is no error. Needs a recent proof: see `reauthenticate`.
    async fn unlink_google(&self, ctx: &Context<'_>) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer @ Viewer { session, .. } = viewer(ctx)?;
        Ok(match google_login::unlink_google(app, viewer).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }
}

/// What Google gave the client: exactly one of these.
#[derive(OneofObject)]
pub enum GoogleLoginInput {
    /// An access token that was issued to this server's client id, for the address (`email`) too.
    #[graphql(secret)]
    AccessToken(String),
    /// An ID token: from One Tap, or a native app.
    IdToken(GoogleIdTokenInput),
    /// A code that came back to the browser that had asked `startGoogleLogin`.
    AuthorizationCode(GoogleAuthorizationCodeInput),
}

/// An ID token.
#[derive(InputObject)]
pub struct GoogleIdTokenInput {
    /// The token, issued to this server's client id.
    #[graphql(secret)]
    id_token: String,
    /// What the client had Google put into the token: the same, or null where the token has none.
    nonce: Option<String>,
}

/// A code, and what shows that it comes from the browser that began.
#[derive(InputObject)]
pub struct GoogleAuthorizationCodeInput {
    /// What came back in the address, as `code`.
    #[graphql(secret)]
    code: String,
    /// What came back in the address, as `state`. It is good once.
    #[graphql(secret)]
    state: String,
    /// What `startGoogleLogin` answered, kept in the browser.
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

/// A sign-in that has begun in the browser.
#[derive(SimpleObject)]
pub struct GoogleAuthorization {
    /// Where to send the person. They come back to `redirectUri` with `code` and `state` in its query, or with `error`.
    authorization_url: String,
    /// What comes back. Whatever else comes back was begun by somebody else.
    state: String,
    /// Keep it in this browser and send it back with the code: it binds the flow to the browser that began it (RFC 7636).
    code_verifier: String,
    /// Seconds within which the person must be back.
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

/// What beginning a Google sign-in comes to.
#[derive(Union)]
pub enum StartGoogleLoginResult {
    /// Where to send the person.
    GoogleAuthorization(GoogleAuthorization),
    /// Refused.
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
