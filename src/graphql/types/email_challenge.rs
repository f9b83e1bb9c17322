//! Mailed codes and links.

use async_graphql::{Enum, ID, SimpleObject, Union};

use crate::{
    challenges::IssuedChallenge,
    config,
    fault::Failure,
    graphql::{error::ApiError, numbers::whole_seconds, refusal::UserError},
    storage::challenge::{Method, Purpose},
};

/// Something was mailed, and is now awaited.
#[derive(SimpleObject)]
pub struct EmailChallenge {
    /// Keep it and send it with the code: tries are counted for this challenge alone, and nobody else can supersede it.
    pub id: ID,
    /// What the answer is for.
    pub purpose: ChallengePurpose,
    /// What was mailed: a code or a link.
    pub method: ChallengeMethod,
    /// The address as given, normalised.
    pub email: String,
    /// Seconds until the code or link expires.
    pub expires_in: i32,
    /// Seconds until another mail may be asked for. Asking sooner answers `RATE_LIMITED`.
    pub resend_in: i32,
}

impl From<IssuedChallenge> for EmailChallenge {
    fn from(IssuedChallenge { challenge, expires_in, resend_in }: IssuedChallenge) -> Self {
        Self {
            id: challenge.id.into(),
            purpose: challenge.purpose.into(),
            method: challenge.method.into(),
            email: challenge.email,
            expires_in: whole_seconds(expires_in),
            resend_in: whole_seconds(resend_in),
        }
    }
}

/// What a mailed challenge is for. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Purpose")]
pub enum ChallengePurpose {
    /// Proving the address of an account.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving a new address for an account, in the session that asked.
    ChangeEmail,
    /// Signing in without a password.
    SignIn,
    /// Proving, in a session, that it is still its user who acts.
    Reauthentication,
}

/// How an email address is proven.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::ChallengeMethod")]
pub enum ChallengeMethod {
    /// By a one-time password that the person types in.
    Otp,
    /// By a link that the person follows.
    Link,
}

impl From<Method> for ChallengeMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Otp => Self::Otp,
            Method::Link => Self::Link,
        }
    }
}

/// What asking for a mail comes to.
#[derive(Union)]
pub enum EmailChallengeResult {
    /// It was mailed, and is awaited.
    EmailChallenge(EmailChallenge),
    /// Refused.
    UserError(UserError),
}

impl<R> TryFrom<Result<IssuedChallenge, Failure<R>>> for EmailChallengeResult
where
    UserError: From<R>,
{
    type Error = ApiError;

    fn try_from(outcome: Result<IssuedChallenge, Failure<R>>) -> Result<Self, ApiError> {
        Ok(match outcome {
            Ok(asked) => Self::EmailChallenge(asked.into()),
            Err(failure) => Self::UserError(failure.try_into()?),
        })
    }
}
