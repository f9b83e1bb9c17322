//! Reauthentication: confirming the user's identity again within a session.

use async_graphql::{Context, ID, Object, OneofObject, SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    numbers::{seconds, whole_seconds},
    refusal::{ErrorCode, UserError},
    types::{
        email_challenge::EmailChallenge,
        json::Json,
        provider_login_input::ProviderLoginInput,
        session::{AuthenticationMethod, Session},
    },
};
use crate::{
    accounts::OwnershipProof,
    reauthentication::{self, ReauthenticateRefusal, StartReauthenticationRefusal},
    second_factors::SecondFactorProof,
};

/// The mutations for reauthentication.
#[derive(Default)]
pub struct ReauthenticationMutation;

#[Object]
impl ReauthenticationMutation {
    /// Starts a reauthentication for this session. If `sendCode` is true, emails a code to the account's current verified
    /// email address.
    async fn start_reauthentication(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to email a code.", default_with = "Some(false)")] send_code: Option<bool>,
    ) -> Result<StartReauthenticationResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let started = reauthentication::start_reauthentication(
            app,
            &caller.client,
            viewer(ctx)?,
            send_code.unwrap_or_default(),
        )
        .await;
        Ok(match started {
            Ok(started) => StartReauthenticationResult::Reauthentication(started.into()),
            Err(error) => StartReauthenticationResult::UserError(error.try_into()?),
        })
    }

    /// Completes a reauthentication and returns a new access token whose claim `auth_time` is the current time. Each
    /// reauthentication can be completed only once. Use the new token to retry the request that was refused with
    /// `REAUTHENTICATION_REQUIRED`. The refresh token stays the same. If the account has a second factor, no other proof is
    /// accepted.
    async fn reauthenticate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `Reauthentication`.")] id: ID,
        #[graphql(desc = "The proof of identity.")] proof: ReauthenticationProof,
    ) -> Result<ReauthenticateResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(id) = id.parse() else {
            return Ok(ReauthenticateResult::UserError(ReauthenticateRefusal::InvalidToken.into()));
        };
        let viewer = viewer(ctx)?;
        Ok(match reauthentication::reauthenticate(app, &caller.client, viewer, id, proof.into()).await {
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
    /// The options for asking the browser for a passkey, to parse with `PublicKeyCredential.parseRequestOptionsFromJSON`. Null if
    /// the viewer has no passkey.
    passkey_options: Option<Json>,
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
            passkey_options: started.passkey_options.map(Json),
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
    /// The code that the authenticator app shows.
    #[graphql(secret)]
    Totp(String),
    /// A recovery code.
    #[graphql(secret)]
    RecoveryCode(String),
    /// What `navigator.credentials.get` returned for the `passkeyOptions`, converted with `toJSON`.
    #[graphql(secret)]
    Passkey(Json),
}

impl From<ReauthenticationProof> for reauthentication::ReauthenticationProof {
    fn from(proof: ReauthenticationProof) -> Self {
        match proof {
            ReauthenticationProof::Password(password) => Self::Password(password.into()),
            ReauthenticationProof::EmailCode(code) => Self::EmailCode(code.into()),
            ReauthenticationProof::Identity(input) => Self::Identity(input.into()),
            ReauthenticationProof::Totp(code) => Self::SecondFactor(SecondFactorProof::Totp(code.into())),
            ReauthenticationProof::RecoveryCode(code) => {
                Self::SecondFactor(SecondFactorProof::RecoveryCode(code.into()))
            }
            ReauthenticationProof::Passkey(Json(response)) => {
                Self::SecondFactor(SecondFactorProof::Passkey(response))
            }
        }
    }
}

impl From<ReauthenticationProof> for OwnershipProof {
    fn from(proof: ReauthenticationProof) -> Self {
        match proof {
            ReauthenticationProof::Password(password) => Self::Password(password.into()),
            ReauthenticationProof::EmailCode(_)
            | ReauthenticationProof::Totp(_)
            | ReauthenticationProof::RecoveryCode(_)
            | ReauthenticationProof::Passkey(_) => Self::Other,
            ReauthenticationProof::Identity(input) => Self::Identity(input.into()),
        }
    }
}

impl From<StartReauthenticationRefusal> for UserError {
    fn from(refusal: StartReauthenticationRefusal) -> Self {
        match refusal {
            StartReauthenticationRefusal::SecondFactorRequired => Self::second_factor_required(),
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
            ReauthenticateRefusal::InvalidPasskey => Self::wrong_passkey(),
            ReauthenticateRefusal::SecondFactorRequired => Self::second_factor_required(),
            ReauthenticateRefusal::NotAccepted => Self::new(
                ErrorCode::InvalidCredentials,
                "An access token does not confirm your identity. Send an authorization code or an ID token.",
            ),
            ReauthenticateRefusal::Identify(refusal) => refusal.into(),
        }
    }
}
