//! Proving that an email address is one's own.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    caller,
    error::{ApiError, whole_seconds},
    jwt_guard::viewer,
    outcomes::{EmailChallengeResult, SignInResult, link_refusal, otp_refusal},
};
use crate::{
    challenges::Asked,
    config,
    sessions::SignIn,
    storage::challenge::{Method, Purpose},
    verification,
};

/// The mutations of verification.
#[derive(Default)]
pub struct VerificationMutation;

#[Object]
impl VerificationMutation {
    /// Proves an email address with the emailed one-time password, and signs in; whoever is signed in as that person already
    /// goes on in their session. Anybody may ask.
    /// Errors: `INVALID_OTP`, `ACCOUNT_DISABLED`, `EMAIL_TAKEN`, `NOT_ENABLED`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn verify_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code, and what it proves.")] input: VerifyOtpInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        Ok(match verification::verify_otp(app, &caller.client, viewer, input.into()).await {
            Ok(signed_in) => SignInResult::deliver(app, caller, SignIn::from(signed_in)),
            Err(error) => SignInResult::UserError(otp_refusal(error)?),
        })
    }

    /// Mails a one-time password again. The answer is the same whether or not the address is known. Anybody may ask.
    /// Errors: `INVALID_INPUT`, `NOT_ENABLED`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn resend_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address to prove.")] email: String,
        #[graphql(desc = "The challenge that the new one takes the place of.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, _) = caller(ctx)?;
        verification::resend_otp(app, &email, challenge_id.as_ref().map(uuid)).await.try_into()
    }

    /// Proves an email address with the token of the emailed link, and signs in; whoever is signed in as that person already
    /// goes on in their session. Anybody may ask.
    /// Errors: `INVALID_TOKEN`, `ACCOUNT_DISABLED`, `EMAIL_TAKEN`, `NOT_ENABLED`, `SERVER_BUSY`.
    async fn activate_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What stands behind `token=` in the link.", secret)] token: String,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        Ok(match verification::activate_account(app, &caller.client, viewer, &token).await {
            Ok(signed_in) => SignInResult::deliver(app, caller, SignIn::from(signed_in)),
            Err(error) => SignInResult::UserError(link_refusal(error)?),
        })
    }

    /// Mails an activation link again. The answer is the same whether or not the address is known. Anybody may ask.
    /// Errors: `INVALID_INPUT`, `NOT_ENABLED`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn resend_activation_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address to prove.")] email: String,
        #[graphql(desc = "The challenge that the new one takes the place of.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, _) = caller(ctx)?;
        verification::resend_activation_email(app, &email, challenge_id.as_ref().map(uuid)).await.try_into()
    }

    /// Mails a challenge to the new address; proving it makes it the account's.
    /// Errors: `INVALID_INPUT`, `INVALID_CREDENTIALS`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new address, and the password.")] input: ChangeEmailInput,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, _) = caller(ctx)?;
        verification::change_email(app, &viewer(ctx)?.user, input.into()).await.try_into()
    }
}

/// What is no id is no challenge's.
fn uuid(id: &ID) -> Uuid {
    id.parse().unwrap_or_default()
}

/// A code. With `challengeId` it is judged against that challenge; without, against the newest of the address.
#[derive(InputObject)]
pub struct VerifyOtpInput {
    /// The address that it was mailed to.
    email: String,
    /// The digits; spaces and hyphens between them do not matter.
    #[graphql(secret)]
    otp: String,
    /// The id of the `EmailChallenge`. Tries are then counted for it alone, so that nobody else can use them up.
    challenge_id: Option<ID>,
}

impl From<VerifyOtpInput> for verification::VerifyOtpInput {
    fn from(input: VerifyOtpInput) -> Self {
        Self {
            email: input.email,
            otp: input.otp.into(),
            challenge_id: input.challenge_id.as_ref().map(uuid),
        }
    }
}

/// Another address for an account.
#[derive(InputObject)]
pub struct ChangeEmailInput {
    /// The address to be: an ASCII local part, and a domain that may be international; at most 254 bytes.
    new_email: String,
    /// The password of the account. It may be left out only where the account has none.
    #[graphql(secret)]
    current_password: Option<String>,
}

impl From<ChangeEmailInput> for verification::ChangeEmailInput {
    fn from(input: ChangeEmailInput) -> Self {
        let current_password = input.current_password.map(SecretString::from);
        Self { new_email: input.new_email, current_password }
    }
}

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

impl From<Asked> for EmailChallenge {
    fn from(Asked { challenge, expires_in, resend_in }: Asked) -> Self {
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

/// What a mailed challenge is for.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "Purpose")]
pub enum ChallengePurpose {
    /// Proving the address of an account.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving a new address for an account.
    ChangeEmail,
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

/// When an email address must be proven.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::EmailVerification")]
pub enum EmailVerificationMode {
    /// Never: addresses are taken as given.
    None,
    /// It is asked for at sign-up, and nothing waits for it.
    Optional,
    /// Before the account begins.
    Mandatory,
}
