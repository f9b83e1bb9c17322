//! Second factors: enrolling them, and signing in with them.

use async_graphql::{Context, ID, Object, OneofObject, SimpleObject, Union};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    node::uuid,
    numbers::whole_seconds,
    refusal::{ErrorCode, UserError},
    types::{
        auth_payload::SignInResult,
        json::Json,
        user::{User, UserResult},
    },
    unhandled::Growing,
};
use crate::{
    second_factors::{
        self, EnrolmentRefusal, FinishTotpEnrolmentRefusal, RegenerateRecoveryCodesRefusal,
        RemoveTotpRefusal, VerifySecondFactorRefusal,
    },
    sessions::SignIn,
};

/// The mutations for second factors.
#[derive(Default)]
pub struct SecondFactorsMutation;

#[Object]
impl SecondFactorsMutation {
    /// Completes a sign-in with a second factor. The number of wrong authenticator codes is limited per challenge, per client
    /// address, and per account. Attempts with passkeys and recovery codes are not limited.
    async fn verify_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `SecondFactorChallenge`.")] id: ID,
        #[graphql(desc = "The proof of the second factor.")] proof: SecondFactorProof,
    ) -> Result<Growing<SignInResult>, ApiError> {
        let (app, caller) = caller(ctx)?;
        let verified =
            second_factors::verify_second_factor(app, &caller.client, uuid(&id), proof.into()).await;
        Ok(Growing(match verified {
            Ok(signed_in) => SignInResult::deliver(app, caller, SignIn::from(signed_in)),
            Err(error) => SignInResult::UserError(error.try_into()?),
        }))
    }

    /// Starts enrolling an authenticator app, which will replace any earlier one. Requires recent reauthentication:
    /// with a second factor if the account has one, or else with an emailed code. If the account has an unverified
    /// email address, fails with `NOT_ENABLED`.
    async fn start_totp_enrolment(&self, ctx: &Context<'_>) -> Result<StartTotpEnrolmentResult, ApiError> {
        let (app, _) = caller(ctx)?;
        Ok(match second_factors::start_totp_enrolment(app, viewer(ctx)?).await {
            Ok(started) => StartTotpEnrolmentResult::TotpEnrolment(started.into()),
            Err(error) => StartTotpEnrolmentResult::UserError(error.try_into()?),
        })
    }

    /// Enrolls the authenticator app with a code that it shows, and returns new recovery codes. Ends the viewer's other sessions.
    async fn finish_totp_enrolment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the `TotpEnrolment`.")] id: ID,
        #[graphql(desc = "The code that the app shows.", secret)] code: String,
    ) -> Result<SecondFactorsResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let finished = second_factors::finish_totp_enrolment(app, viewer, uuid(&id), &code.into()).await;
        Ok(match finished {
            Ok(enabled) => {
                caller.delivery.ended(app, &enabled.ended);
                SecondFactorsResult::SecondFactorsEnabled(SecondFactorsEnabled::new(
                    enabled,
                    viewer.session.id,
                ))
            }
            Err(error) => SecondFactorsResult::UserError(error.try_into()?),
        })
    }

    /// Removes the authenticator app and, if the account has no passkey, the recovery codes. Requires recent reauthentication with
    /// a second factor. If the account has no app, succeeds and changes nothing.
    async fn remove_totp(&self, ctx: &Context<'_>) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match second_factors::remove_totp(app, viewer).await {
            Ok(user) => UserResult::User(Box::new(User::new(user, Some(viewer.session.id)))),
            Err(error) => UserResult::UserError(error.try_into()?),
        })
    }

    /// Replaces all recovery codes. Requires recent reauthentication with a second factor.
    async fn regenerate_recovery_codes(&self, ctx: &Context<'_>) -> Result<SecondFactorsResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        Ok(match second_factors::regenerate_recovery_codes(app, viewer).await {
            Ok(enabled) => SecondFactorsResult::SecondFactorsEnabled(SecondFactorsEnabled::new(
                enabled,
                viewer.session.id,
            )),
            Err(error) => SecondFactorsResult::UserError(error.try_into()?),
        })
    }
}

/// A proof of a second factor. Give exactly one field.
#[derive(OneofObject)]
pub enum SecondFactorProof {
    /// The code that the authenticator app shows. Spaces and hyphens between its digits are ignored.
    #[graphql(secret)]
    Totp(String),
    /// A recovery code. Case, spaces and hyphens are ignored.
    #[graphql(secret)]
    RecoveryCode(String),
    /// What `navigator.credentials.get` returned for the `passkeyOptions`, converted with `toJSON`.
    #[graphql(secret)]
    Passkey(Json),
}

impl From<SecondFactorProof> for second_factors::SecondFactorProof {
    fn from(proof: SecondFactorProof) -> Self {
        match proof {
            SecondFactorProof::Totp(code) => Self::Totp(code.into()),
            SecondFactorProof::RecoveryCode(code) => Self::RecoveryCode(code.into()),
            SecondFactorProof::Passkey(Json(response)) => Self::Passkey(response),
        }
    }
}

/// An authenticator app that is being enrolled. It becomes a second factor when `finishTotpEnrolment` succeeds.
#[derive(SimpleObject)]
pub struct TotpEnrolment {
    /// The ID to send with the first code.
    id: ID,
    /// The secret in base 32, to type into the app.
    secret: String,
    /// The `otpauth://` URI, which opens an app on the same device.
    uri: String,
    /// The URI as a QR code, to scan with the app: an SVG document.
    qr_svg: String,
    /// Seconds until the enrollment expires.
    expires_in: i32,
}

impl From<second_factors::TotpEnrolment> for TotpEnrolment {
    fn from(started: second_factors::TotpEnrolment) -> Self {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            id: started.id.into(),
            secret: text(&started.secret),
            uri: text(&started.uri),
            qr_svg: text(&started.qr_svg),
            expires_in: whole_seconds(started.expires_in),
        }
    }
}

/// The account with its new recovery codes.
#[derive(SimpleObject)]
pub struct SecondFactorsEnabled {
    /// The user.
    user: User,
    /// The new recovery codes. They are returned only once, and replace earlier ones.
    recovery_codes: Vec<String>,
    /// The IDs of the sessions that ended.
    ended_session_ids: Vec<ID>,
}

impl SecondFactorsEnabled {
    fn new(enabled: second_factors::SecondFactorsEnabled, current_session: Uuid) -> Self {
        Self {
            user: User::new(enabled.user, Some(current_session)),
            recovery_codes: enabled
                .recovery_codes
                .iter()
                .map(|code| code.expose_secret().to_owned())
                .collect(),
            ended_session_ids: enabled.ended.into_iter().map(ID::from).collect(),
        }
    }
}

/// The result of starting to enroll an authenticator app.
#[derive(Union)]
pub enum StartTotpEnrolmentResult {
    /// The enrollment was started.
    TotpEnrolment(TotpEnrolment),
    /// The request was refused.
    UserError(UserError),
}

/// The result of enrolling a second factor, or of replacing the recovery codes.
#[derive(Union)]
pub enum SecondFactorsResult {
    /// The account with its new recovery codes.
    SecondFactorsEnabled(SecondFactorsEnabled),
    /// The request was refused.
    UserError(UserError),
}

impl From<VerifySecondFactorRefusal> for UserError {
    fn from(refusal: VerifySecondFactorRefusal) -> Self {
        match refusal {
            VerifySecondFactorRefusal::InvalidToken => Self::sign_in_expired(),
            VerifySecondFactorRefusal::InvalidOtp => Self::wrong_second_factor(),
            VerifySecondFactorRefusal::InvalidCredentials => Self::wrong_passkey(),
            VerifySecondFactorRefusal::AccountDisabled => Self::account_disabled(),
        }
    }
}

impl From<EnrolmentRefusal> for UserError {
    fn from(refusal: EnrolmentRefusal) -> Self {
        match refusal {
            EnrolmentRefusal::EmailNotVerified => {
                Self::new(ErrorCode::NotEnabled, "Verify your email address first.")
            }
            EnrolmentRefusal::ReauthenticationRequired => Self::reauthentication_required(),
            EnrolmentRefusal::EmailCodeRequired => Self::new(
                ErrorCode::ReauthenticationRequired,
                "Confirm that it is you with an emailed code, then try again.",
            ),
        }
    }
}

impl From<FinishTotpEnrolmentRefusal> for UserError {
    fn from(refusal: FinishTotpEnrolmentRefusal) -> Self {
        match refusal {
            FinishTotpEnrolmentRefusal::InvalidToken => {
                Self::new(ErrorCode::InvalidToken, "This enrollment has expired. Start again.")
            }
            FinishTotpEnrolmentRefusal::InvalidOtp => Self::wrong_second_factor(),
        }
    }
}

impl From<RegenerateRecoveryCodesRefusal> for UserError {
    fn from(refusal: RegenerateRecoveryCodesRefusal) -> Self {
        match refusal {
            RegenerateRecoveryCodesRefusal::NotEnabled => {
                Self::new(ErrorCode::NotEnabled, "This account has no second factor.")
            }
            RegenerateRecoveryCodesRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}

impl From<RemoveTotpRefusal> for UserError {
    fn from(refusal: RemoveTotpRefusal) -> Self {
        match refusal {
            RemoveTotpRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
