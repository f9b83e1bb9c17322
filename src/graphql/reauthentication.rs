//! Reauthentication: confirming, within a session, that its user is still the one acting.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    numbers::{seconds, whole_seconds},
    refusal::{ErrorCode, UserError},
    types::{
        email_challenge::EmailChallenge,
        session::{AuthenticationMethod, Session},
    },
};
use crate::{
    accounts::OwnershipProof,
    google_login::GoogleLoginInput,
    reauthentication::{self, ReauthenticateRefusal, StartReauthenticationRefusal},
};

/// The ID of the only provider so far.
const GOOGLE: &str = "google";

/// The mutations of reauthentication.
#[derive(Default)]
pub struct ReauthenticationMutation;

#[Object]
impl ReauthenticationMutation {
    /// Starts a reauthentication for this session. If `sendCode` is true, emails a code to the account's current verified
    /// email address.
    async fn start_reauthentication(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to email a code.", default = false)] send_code: bool,
    ) -> Result<StartReauthenticationResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let started =
            reauthentication::start_reauthentication(app, &caller.client, viewer(ctx)?, send_code).await;
        Ok(match started {
            Ok(started) => StartReauthenticationResult::Reauthentication(started.into()),
            Err(error) => StartReauthenticationResult::UserError(error.try_into()?),
        })
    }

    /// Completes a reauthentication, once, and returns a new access token whose `auth_time` is now. Use that token to retry
    /// the request that was refused with `REAUTHENTICATION_REQUIRED`. The refresh token stays the same.
    async fn reauthenticate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `Reauthentication`.")] id: ID,
        #[graphql(desc = "The proof of identity.")] proof: ReauthenticationProof,
    ) -> Result<ReauthenticateResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(proof) = proof.try_into() else {
            return Ok(ReauthenticateResult::UserError(unknown_provider()));
        };
        let Ok(id) = id.parse() else {
            return Ok(ReauthenticateResult::UserError(ReauthenticateRefusal::InvalidToken.into()));
        };
        let viewer = viewer(ctx)?;
        Ok(match reauthentication::reauthenticate(app, &caller.client, viewer, id, proof).await {
            Ok(done) => ReauthenticateResult::Reauthenticated(Box::new(done.into())),
            Err(error) => ReauthenticateResult::UserError(error.try_into()?),
        })
    }
}

/// The result of starting a reauthentication.
#[derive(Union)]
pub enum StartReauthenticationResult {
    /// The reauthentication was started.
    Reauthentication(Reauthentication),
    /// The request was refused.
    UserError(UserError),
}

/// The result of completing a reauthentication.
#[derive(Union)]
pub enum ReauthenticateResult {
    /// The viewer confirmed their identity.
    Reauthenticated(Box<Reauthenticated>),
    /// The request was refused.
    UserError(UserError),
}

/// A reauthentication that was started in this session and awaits proof.
#[derive(SimpleObject)]
pub struct Reauthentication {
    /// The ID to send with the proof. If the proof is an ID token, its `nonce` must be this ID.
    id: ID,
    /// The methods that the viewer can use.
    methods: Vec<AuthenticationMethod>,
    /// The challenge for the emailed code. Null if no code was requested.
    email_challenge: Option<EmailChallenge>,
    /// Seconds until the reauthentication expires.
    expires_in: i32,
}

impl From<reauthentication::Reauthentication> for Reauthentication {
    fn from(started: reauthentication::Reauthentication) -> Self {
        Self {
            id: started.id.into(),
            methods: started.methods.into_iter().map(Into::into).collect(),
            email_challenge: started.issued.map(EmailChallenge::from),
            expires_in: whole_seconds(started.expires_in),
        }
    }
}

/// A completed reauthentication. The session continues.
#[derive(SimpleObject)]
pub struct Reauthenticated {
    /// The session of the viewer.
    session: Session,
    /// An access token (JWT) that records the reauthentication. Tokens issued earlier do not.
    access_token: String,
    /// Seconds until the access token expires.
    expires_in: i32,
}

impl From<reauthentication::Reauthenticated> for Reauthenticated {
    fn from(done: reauthentication::Reauthenticated) -> Self {
        let current = Some(done.session.id);
        Self {
            session: Session::new(done.session, current),
            access_token: done.access_token.token.expose_secret().to_owned(),
            expires_in: seconds(done.access_token.expires_in),
        }
    }
}

/// A proof of identity. Give exactly one field.
#[derive(OneofObject)]
pub enum ReauthenticationProof {
    /// The password of the account.
    #[graphql(secret)]
    Password(String),
    /// The emailed code.
    #[graphql(secret)]
    EmailCode(String),
    /// A credential from a provider, for a linked account.
    Identity(ProviderLoginInput),
}

/// A credential from a sign-in provider.
#[derive(InputObject)]
pub struct ProviderLoginInput {
    /// The ID of the provider: `google`.
    provider: ID,
    /// The credential.
    proof: ProviderProof,
}

/// A credential from a provider. Give exactly one field.
#[derive(OneofObject)]
pub enum ProviderProof {
    /// An authorization code, from the flow that `startGoogleLogin` started.
    AuthorizationCode(AuthorizationCodeInput),
    /// An ID token, from a native app or the provider's script.
    IdToken(IdTokenInput),
    /// An access token. Always refused: it does not show that the user is present now.
    #[graphql(secret)]
    AccessToken(String),
}

/// An authorization code, with proof that the same browser started the flow.
#[derive(InputObject)]
pub struct AuthorizationCodeInput {
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

/// An ID token from a provider.
#[derive(InputObject)]
pub struct IdTokenInput {
    /// The ID token, issued to this server's client ID.
    #[graphql(secret)]
    id_token: String,
    /// The nonce that the client sent to the provider, which the token must contain. For a reauthentication, the ID of the
    /// `Reauthentication`.
    nonce: Option<String>,
}

/// The error for a provider ID that is not known.
#[derive(Clone, Copy, Debug)]
pub struct UnknownProvider;

impl TryFrom<ProviderLoginInput> for GoogleLoginInput {
    type Error = UnknownProvider;

    fn try_from(input: ProviderLoginInput) -> Result<Self, UnknownProvider> {
        if input.provider.as_str() != GOOGLE {
            return Err(UnknownProvider);
        }
        Ok(match input.proof {
            ProviderProof::AccessToken(token) => Self::AccessToken(token.into()),
            ProviderProof::IdToken(IdTokenInput { id_token, nonce }) => {
                Self::IdToken { id_token: id_token.into(), nonce }
            }
            ProviderProof::AuthorizationCode(input) => Self::AuthorizationCode {
                code: input.code.into(),
                state: input.state.into(),
                code_verifier: input.code_verifier.into(),
            },
        })
    }
}

impl TryFrom<ReauthenticationProof> for reauthentication::ReauthenticationProof {
    type Error = UnknownProvider;

    fn try_from(proof: ReauthenticationProof) -> Result<Self, UnknownProvider> {
        Ok(match proof {
            ReauthenticationProof::Password(password) => Self::Password(password.into()),
            ReauthenticationProof::EmailCode(code) => Self::EmailCode(code.into()),
            ReauthenticationProof::Identity(input) => Self::Identity(input.try_into()?),
        })
    }
}

impl TryFrom<ReauthenticationProof> for OwnershipProof {
    type Error = UnknownProvider;

    fn try_from(proof: ReauthenticationProof) -> Result<Self, UnknownProvider> {
        Ok(match proof {
            ReauthenticationProof::Password(password) => Self::Password(password.into()),
            ReauthenticationProof::EmailCode(_) => Self::Other,
            ReauthenticationProof::Identity(input) => Self::Identity(input.try_into()?),
        })
    }
}

pub(super) fn unknown_provider() -> UserError {
    UserError::new(ErrorCode::NotEnabled, "This sign-in provider does not exist.")
}

impl From<StartReauthenticationRefusal> for UserError {
    fn from(refusal: StartReauthenticationRefusal) -> Self {
        match refusal {
            StartReauthenticationRefusal::NotEnabled => Self::new(
                ErrorCode::NotEnabled,
                "This account has no verified email address to send a code to.",
            ),
        }
    }
}

impl From<ReauthenticateRefusal> for UserError {
    fn from(refusal: ReauthenticateRefusal) -> Self {
        match refusal {
            ReauthenticateRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This confirmation has expired. Start again.")
            }
            ReauthenticateRefusal::InvalidCredentials => Self::new(
                ErrorCode::InvalidCredentials,
                "Incorrect password, or this account is not linked to yours.",
            ),
            ReauthenticateRefusal::InvalidOtp => {
                Self::new(ErrorCode::InvalidOtp, "This code is wrong or has expired.")
            }
            ReauthenticateRefusal::NotAccepted => Self::new(
                ErrorCode::InvalidCredentials,
                "An access token does not confirm your identity. Send an authorization code or an ID token.",
            ),
            ReauthenticateRefusal::Identify(refusal) => refusal.into(),
        }
    }
}
