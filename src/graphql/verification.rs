//! Verifying email addresses, and signing in by email.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use secrecy::SecretString;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    node::uuid,
    refusal::{ErrorCode, UserError},
    types::{auth_payload::SignInResult, email_challenge::EmailChallengeResult},
    unhandled::Growing,
};
use crate::{
    config,
    fault::Failure,
    verification::{self, ChangeEmailRefusal, ProofRefusal, RequestLoginCodeRefusal, ResendRefusal},
};

/// The mutations that verify an email address or sign in by email.
#[derive(Default)]
pub struct VerificationMutation;

#[Object]
impl VerificationMutation {
    /// Verifies an email address, or signs in, with an emailed code. If the viewer is already signed in to the account, their
    /// session continues and `refreshToken` is null: keep the current refresh token. Send `challengeId` to keep the password chosen
    /// at sign-up. Without `challengeId`, the account has no password afterwards, because someone else may have signed up with the
    /// address. A code for a new email address works only in the session that requested it, and only with `challengeId`.
    async fn verify_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code and the email address that it was sent to.")] input: VerifyOtpInput,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        Ok(Growing(match verification::verify_otp(app, &caller.client, viewer, input.into()).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(proof_error(error, ErrorCode::InvalidOtp, "code")?),
        }))
    }

    /// Emails another verification code. The response is the same whether or not an account has the email address.
    async fn resend_otp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address to verify.")] email: String,
        #[graphql(desc = "The ID of the `EmailChallenge` to replace.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let asker = caller.asker(app).await?;
        verification::resend_otp(app, asker, &email, challenge_id.as_ref().map(uuid)).await.try_into()
    }

    /// Verifies an email address, or signs in, with the token of an emailed link. If the viewer is already signed in to the
    /// account, their session continues and `refreshToken` is null: keep the current refresh token. Send `challengeId` or
    /// `password` to keep the password chosen at sign-up. Without either, the account has no password afterwards.
    async fn activate_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token: the text after `token=` in the link.", secret)] token: String,
        #[graphql(desc = "The ID of the `EmailChallenge` that the link was sent for.")] challenge_id: Option<
            ID,
        >,
        #[graphql(desc = "The password chosen at sign-up. If it is wrong, the link still works.", secret)]
        password: Option<String>,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = caller.viewer_if_any(app).await?;
        let input = verification::ActivateAccountInput {
            token: token.into(),
            challenge_id: challenge_id.as_ref().map(uuid),
            password: password.map(SecretString::from),
        };
        Ok(Growing(match verification::activate_account(app, &caller.client, viewer, input).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(proof_error(error, ErrorCode::InvalidToken, "link")?),
        }))
    }

    /// Emails a code (for `verifyOtp`) and a link (for `activateAccount`) to sign in with. The response is the same whether or not
    /// an account has the email address. If no account has the address and sign-up is enabled, the code or the link creates an
    /// account without a password, and the email says so.
    async fn request_login_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address to sign in or sign up with.")] email: String,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        verification::request_login_code(app, caller.asker(app).await?, &email).await.try_into()
    }

    /// Emails another activation link. The response is the same whether or not an account has the email address.
    async fn resend_activation_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address to verify.")] email: String,
        #[graphql(desc = "The ID of the `EmailChallenge` to replace.")] challenge_id: Option<ID>,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let asker = caller.asker(app).await?;
        let id = challenge_id.as_ref().map(uuid);
        verification::resend_activation_email(app, asker, &email, id).await.try_into()
    }

    /// Emails a code to the new email address. The account's email address changes once `verifyOtp` receives the code in this
    /// session. Requires recent reauthentication; see `reauthenticate`.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new email address and the current password.")] input: ChangeEmailInput,
    ) -> Result<EmailChallengeResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        verification::change_email(app, &caller.client, viewer(ctx)?, input.into()).await.try_into()
    }
}

/// An emailed code. If `challengeId` is given, the code is checked against that challenge. Otherwise, it is checked
/// against the newest `VERIFY_EMAIL` challenge and the newest `SIGN_IN` challenge of the address.
#[derive(InputObject)]
pub struct VerifyOtpInput {
    /// The email address that the code was sent to.
    email: String,
    /// The code. Spaces and hyphens between its digits are ignored.
    #[graphql(secret)]
    otp: String,
    /// The ID of the `EmailChallenge`. If given, attempts count only towards this challenge, so nobody else can use them up.
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

/// A new email address for an account.
#[derive(InputObject)]
pub struct ChangeEmailInput {
    /// The new email address: an ASCII local part and a domain, which may be internationalized; at most 254 bytes.
    new_email: String,
    /// The current password. Required if the account has a password.
    #[graphql(secret)]
    current_password: Option<String>,
}

impl From<ChangeEmailInput> for verification::ChangeEmailInput {
    fn from(input: ChangeEmailInput) -> Self {
        let current_password = input.current_password.map(SecretString::from);
        Self { new_email: input.new_email, current_password }
    }
}

/// Whether and when an email address must be verified. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::EmailVerification")]
pub enum EmailVerificationMode {
    /// Email addresses are not verified.
    None,
    /// Verification is requested at sign-up, but users can sign in without it.
    Optional,
    /// An account can be used only after its email address is verified.
    Mandatory,
}

/// Converts the refusal of a code or a link.
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
            "This is not the password chosen at sign-up. The link still works.",
        ),
        ProofRefusal::Invalid => {
            let message = format!(
                "This {code_or_link} is wrong or has expired. Use the newest email, or request another one."
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
            ChangeEmailRefusal::EnrolmentRequired => Self::enrolment_required(),
        }
    }
}
