//! Email challenges: emailed codes and links.

use async_graphql::{Enum, ID, SimpleObject, Union};

use crate::{
    challenges::IssuedChallenge,
    config,
    fault::Failure,
    graphql::{error::ApiError, numbers::whole_seconds, refusal::UserError},
    storage::challenge::{Method, Purpose},
};

/// A code or link that was emailed and must be used to continue.
#[derive(SimpleObject)]
pub struct EmailChallenge {
    /// The ID to send with the code. If it is sent, attempts count only towards this challenge, and nobody else's request can
    /// supersede the challenge.
    pub id: ID,
    /// The purpose of the challenge.
    pub purpose: ChallengePurpose,
    /// Whether a code or a link was emailed.
    pub method: ChallengeMethod,
    /// The email address as entered, without invisible characters and with an internationalized domain in Unicode.
    pub email: String,
    /// Seconds until the code or link expires.
    pub expires_in: i32,
    /// Seconds until another email can be requested. Earlier requests are refused with `RATE_LIMITED`.
    pub resend_in: i32,
    /// Two digits to show while `loginLinkConfirmed` waits. The page that the link opens shows them too, and the user
    /// compares them before confirming. Null if `purpose` is not `SIGN_IN`.
    pub confirmation_number: Option<String>,
}

impl From<IssuedChallenge> for EmailChallenge {
    fn from(issued: IssuedChallenge) -> Self {
        let IssuedChallenge { challenge, expires_in, resend_in, confirmation_number } = issued;
        Self {
            id: challenge.id.into(),
            purpose: challenge.purpose.into(),
            method: challenge.method.into(),
            email: challenge.email,
            expires_in: whole_seconds(expires_in),
            resend_in: whole_seconds(resend_in),
            confirmation_number,
        }
    }
}

/// The purpose of an email challenge. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Purpose")]
pub enum ChallengePurpose {
    /// Verify the email address of an account.
    VerifyEmail,
    /// Set a new password.
    ResetPassword,
    /// Verify a new email address for an account, in the session that requested it.
    ChangeEmail,
    /// Sign in without a password.
    SignIn,
    /// Confirm the user's identity again within a session.
    Reauthentication,
}

/// How an email challenge is answered: with a code, or by following a link. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::ChallengeMethod")]
pub enum ChallengeMethod {
    /// A code that the user enters.
    Otp,
    /// A link that the user follows.
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

/// The result of requesting an email.
#[derive(Union)]
pub enum EmailChallengeResult {
    /// The email was sent.
    EmailChallenge(EmailChallenge),
    /// The request was refused.
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
