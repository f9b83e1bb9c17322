//! Proving once more, in a session, that it is still its user who acts.

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

/// The only provider so far.
const GOOGLE: &str = "google";

/// The mutations of reauthentication.
#[derive(Default)]
pub struct ReauthenticationMutation;

#[Object]
impl ReauthenticationMutation {
    /// Begins a proof that the viewer is still the owner, for this session. A code is mailed only if asked for, to the proven
    /// address that the account has now.
    async fn start_reauthentication(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to mail a code.", default = false)] send_code: bool,
    ) -> Result<StartReauthenticationResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let started =
            reauthentication::start_reauthentication(app, &caller.client, viewer(ctx)?, send_code).await;
        Ok(match started {
            Ok(started) => StartReauthenticationResult::Reauthentication(started.into()),
            Err(error) => StartReauthenticationResult::UserError(error.try_into()?),
        })
    }

    /// Accepts the proof, once, and answers with a new access token whose `auth_time` is now. With it the request that was
    /// refused with `REAUTHENTICATION_REQUIRED` works. The refresh token stays the one that the client has.
    async fn reauthenticate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the `Reauthentication`.")] id: ID,
        #[graphql(desc = "The proof.")] proof: ReauthenticationProof,
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

/// The outcome of beginning a reauthentication.
#[derive(Union)]
pub enum StartReauthenticationResult {
    /// Begun.
    Reauthentication(Reauthentication),
    /// Refused.
    UserError(UserError),
}

/// The outcome of a reauthentication.
#[derive(Union)]
pub enum ReauthenticateResult {
    /// Proven.
    Reauthenticated(Box<Reauthenticated>),
    /// Refused.
    UserError(UserError),
}

/// A proof that is awaited in this session.
#[derive(SimpleObject)]
pub struct Reauthentication {
    /// Send it with the proof. An ID token must hold it as its `nonce`.
    id: ID,
    /// The ways in which the viewer can give the proof.
    methods: Vec<AuthenticationMethod>,
    /// What was mailed. Null unless a code was asked for.
    email_challenge: Option<EmailChallenge>,
    /// Seconds until it expires.
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

/// The viewer has proven who they are. Their session goes on.
#[derive(SimpleObject)]
pub struct Reauthenticated {
    /// The session.
    session: Session,
    /// A JWT that carries the proof. Access tokens issued before do not.
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

/// What proves who the viewer is: exactly one of these.
#[derive(OneofObject)]
pub enum ReauthenticationProof {
    /// The password of the account.
    #[graphql(secret)]
    Password(String),
    /// The code that was mailed.
    #[graphql(secret)]
    EmailCode(String),
    /// What a provider gave for a linked account.
    Identity(ProviderLoginInput),
}

/// What a provider gave to the client.
#[derive(InputObject)]
pub struct ProviderLoginInput {
    /// The provider's id: `google`.
    provider: ID,
    /// What it gave.
    proof: ProviderProof,
}

/// What a provider gave to the client: exactly one of these.
#[derive(OneofObject)]
pub enum ProviderProof {
    /// A code that came back to the browser that had asked `startGoogleLogin`.
    AuthorizationCode(AuthorizationCodeInput),
    /// An ID token: from a native app, or from a script of the provider's.
    IdToken(IdTokenInput),
    /// An access token. It proves nothing of this moment, and is refused here.
    #[graphql(secret)]
    AccessToken(String),
}

/// A code, and what shows that it comes from the browser that began.
#[derive(InputObject)]
pub struct AuthorizationCodeInput {
    /// What came back in the address, as `code`.
    #[graphql(secret)]
    code: String,
    /// What came back in the address, as `state`. It works once.
    #[graphql(secret)]
    state: String,
    /// What `startGoogleLogin` answered, kept in the browser.
    #[graphql(secret)]
    code_verifier: String,
}

/// An ID token.
#[derive(InputObject)]
pub struct IdTokenInput {
    /// The token, issued to this server's client id.
    #[graphql(secret)]
    id_token: String,
    /// The nonce that the client had the provider put into the token. In a reauthentication it is that one's id.
    nonce: Option<String>,
}

/// There is no provider of the id that was given.
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
    UserError::new(ErrorCode::NotEnabled, "There is no such sign-in provider.")
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
                "The password is incorrect, or this account is not linked to yours.",
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
