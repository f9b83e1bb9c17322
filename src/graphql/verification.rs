//! Proving that an email address is one's own.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    refusal::{ErrorCode, UserError},
    types::{auth_payload::SignInResult, email_challenge::EmailChallengeResult},
};
use crate::{
    config,
    fault::Failure,
    sessions::SignIn,
    verification::{self, ChangeEmailRefusal, ProofRefusal, RequestLoginCodeRefusal, ResendRefusal},
};

/// The mutations of verification.
#[derive(Default)]
pub struct VerificationMutation;

#[Object]
impl VerificationMutation {
    /// Proves an email address, or signs in, with the emailed code. A viewer whose account it concerns goes on in their
    /// session: `refreshToken` is null then, keep the one you have. Send `challengeId` to keep the password of a sign-up:
    /// without it the account begins, or goes on, without a password, since anybody may have signed up with the address. A code
    /// for a change of address works in the session that asked, with `challengeId`.
    async fn verify_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code, and what it proves.")] input: VerifyOtpInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        Ok(match verification::verify_otp(app, &caller.client, viewer, input.into()).await {
            Ok(signed_in) => SignInResult::deliver(app, caller, SignIn::from(signed_in)),
            Err(error) => SignInResult::UserError(proof_error(error, ErrorCode::InvalidOtp, "code")?),
        })
    }

    /// Mails a one-time password again. The answer is the same whether or not the address is known.
    async fn resend_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address to prove.")] email: String,
        #[graphql(desc = "The challenge that the new one takes the place of.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let asker = caller.asker(app).await?;
        verification::resend_otp(app, asker, &email, challenge_id.as_ref().map(uuid)).await.try_into()
    }

    /// Proves an email address, or signs in, with the token of the emailed link. A viewer whose account it concerns goes on in
    /// their session: `refreshToken` is null then, keep the one you have. The asker's `challengeId`, or the right password,
    /// keeps what was chosen at sign-up; without them the account begins, or goes on, without a password.
    async fn activate_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text after `token=` in the link.", secret)] token: String,
        #[graphql(desc = "The challenge that `signup` or a resend answered with.")] challenge_id: Option<ID>,
        #[graphql(
            desc = "The password that was chosen at sign-up. A wrong one is refused, and the link stays good.",
            secret
        )]
        password: Option<String>,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        let input = verification::ActivateAccountInput {
            token: token.into(),
            challenge_id: challenge_id.as_ref().map(uuid),
            password: password.map(SecretString::from),
        };
        Ok(match verification::activate_account(app, &caller.client, viewer, input).await {
            Ok(signed_in) => SignInResult::deliver(app, caller, SignIn::from(signed_in)),
            Err(error) => SignInResult::UserError(proof_error(error, ErrorCode::InvalidToken, "link")?),
        })
    }

    /// Mails a code and a link to sign in with. The answer is the same for every address. Then `verifyOtp` or
    /// `activateAccount`.
    async fn request_login_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address of the account.")] email: String,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        verification::request_login_code(app, caller.asker(app).await?, &email).await.try_into()
    }

    /// Mails an activation link again. The answer is the same whether or not the address is known.
    async fn resend_activation_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address to prove.")] email: String,
        #[graphql(desc = "The challenge that the new one takes the place of.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let asker = caller.asker(app).await?;
        let id = challenge_id.as_ref().map(uuid);
        verification::resend_activation_email(app, asker, &email, id).await.try_into()
    }

    /// Mails a code to the new address. Entered with `verifyOtp` in this session, it makes the address the account's. Needs a
    /// recent proof: see `reauthenticate`.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new address, and the password.")] input: ChangeEmailInput,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        verification::change_email(app, &caller.client, viewer(ctx)?, input.into()).await.try_into()
    }
}

/// What is no id is no challenge's.
fn uuid(id: &ID) -> Uuid {
    id.parse().unwrap_or_default()
}

/// A code. With `challengeId` it is judged against that challenge; without, against the newest to prove the address and the newest
/// to sign in.
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

/// Converts why a code or a link proves nothing.
fn proof_error(
    failure: Failure<ProofRefusal>,
    invalid: ErrorCode,
    code_or_link: &str,
) -> Result<UserError, ApiError> {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Fault(fault) => return UserError::wait(fault),
    };
    Ok(match refusal {
        ProofRefusal::InvalidCredentials => UserError::new(
            ErrorCode::InvalidCredentials,
            "This is not the password that was chosen at sign-up. The link still works.",
        ),
        ProofRefusal::Invalid => {
            let message = format!(
                "This {code_or_link} is wrong or has expired. Look for the newest email, or request another one."
            );
            UserError::new(invalid, &message)
        }
        ProofRefusal::AccountDisabled => UserError::account_disabled(),
        ProofRefusal::EmailTaken => {
            UserError::new(ErrorCode::EmailTaken, "An account with this email address already exists.")
        }
    })
}

impl From<ResendRefusal> for UserError {
    fn from(refusal: ResendRefusal) -> Self {
        match refusal {
            ResendRefusal::NotEnabled => Self::not_enabled(),
            ResendRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<RequestLoginCodeRefusal> for UserError {
    fn from(refusal: RequestLoginCodeRefusal) -> Self {
        match refusal {
            RequestLoginCodeRefusal::InvalidInput(fields) => Self::invalid_input(fields),
        }
    }
}

impl From<ChangeEmailRefusal> for UserError {
    fn from(refusal: ChangeEmailRefusal) -> Self {
        match refusal {
            ChangeEmailRefusal::InvalidInput(fields) => Self::invalid_input(fields),
            ChangeEmailRefusal::InvalidCredentials => {
                Self::new(ErrorCode::InvalidCredentials, "The current password is incorrect.")
            }
            ChangeEmailRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
