//! Starting to enroll an authenticator app.

use std::time::Duration;

use qrcode::{QrCode, render::svg};
use secrecy::SecretString;
use uuid::Uuid;

use super::totp::authenticator;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    rate_limit::{self, Action},
    secrets,
    security_changes::proven_address,
    sessions::{ReauthenticationRequired, SteppedUp, Viewer, step_up, step_up_by_email},
    storage::{Timestamp, totp},
};

/// The time in which an enrollment must be finished.
const TTL: Duration = Duration::from_mins(30);

/// The side of the QR code, in pixels.
const QR_SIDE: u32 = 240;

/// An enrollment that has started.
#[derive(Clone, Debug)]
pub struct TotpEnrolment {
    /// The ID to send with the first code.
    pub id: Uuid,
    /// The secret in base 32, for apps into which it is typed.
    pub secret: SecretString,
    /// The `otpauth://` URI, for apps on the same device.
    pub uri: SecretString,
    /// The URI as a QR code: an SVG document.
    pub qr_svg: SecretString,
    /// The time until the enrollment expires.
    pub expires_in: Duration,
}

/// The reasons why no enrollment starts.
#[derive(Debug)]
pub enum StartTotpEnrolmentRefusal {
    /// The email address of the account is not verified. The owner could not undo the enrollment.
    EmailNotVerified,
    /// The viewer must reauthenticate first, with a second factor if the account has one.
    ReauthenticationRequired,
    /// The viewer must reauthenticate first, with an emailed code.
    EmailCodeRequired,
}

impl Refusal for StartTotpEnrolmentRefusal {}

impl From<ReauthenticationRequired> for StartTotpEnrolmentRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Creates the secret of an authenticator, which becomes a second factor with
/// [`finish_totp_enrolment`](super::finish_totp_enrolment()).
pub async fn start_totp_enrolment(
    app: &App,
    viewer: &Viewer,
) -> Result<TotpEnrolment, Failure<StartTotpEnrolmentRefusal>> {
    let viewer = may_enroll(app, viewer)?;
    let user = &viewer.user;
    rate_limit::charge(app, Action::Write(user.id)).await?;
    let (id, now) = (secrets::uuid_v4(), app.clock.now());
    let secret = secrets::random();
    let account = user.email.as_deref().or(user.username.as_deref()).unwrap_or_default();
    let authenticator =
        authenticator(&secret, &app.config.mail.app_name, account).map_err(Fault::internal)?;
    let uri = authenticator.to_url().map_err(Fault::internal)?;
    let qr = QrCode::new(&uri).map_err(Fault::internal)?;
    let qr_svg = qr.render::<svg::Color<'_>>().min_dimensions(QR_SIDE, QR_SIDE).build();
    let sealed = app.tokens.totp_secrets.seal(id, &secret).map_err(Fault::internal)?;
    let row = totp::Model {
        id,
        user_id: user.id,
        sealed_secret: sealed.sealed_secret,
        secret_name: sealed.secret_name,
        last_step: 0,
        failures: 0,
        credentials_version: user.credentials_version,
        created_at: Timestamp(now),
        expires_at: Some(Timestamp(now + TTL)),
        enabled_at: None,
        removed_at: None,
    };
    let claim = viewer.claim();
    let is_started = app
        .db
        .write(async move |txn| {
            // a factor that was enrolled in the meantime must not be replaced without a proof of it
            if claim.lock(&txn, row.created_at).await?.is_none() {
                return Ok(false);
            }
            totp::insert(&txn, row).await?;
            Ok(true)
        })
        .await?;
    if !is_started {
        return Err(StartTotpEnrolmentRefusal::ReauthenticationRequired.into());
    }
    Ok(TotpEnrolment {
        id,
        secret: authenticator.secret().to_base32().into(),
        uri: uri.into(),
        qr_svg: qr_svg.into(),
        expires_in: TTL,
    })
}

/// Returns whether the viewer may enroll a factor.
///
/// Otherwise, a thief with a stolen session or password could enroll a factor of their own and lock out the owner. The thief lacks
/// the owner's mailbox, and any factor that the account already has.
fn may_enroll<'v>(app: &App, viewer: &'v Viewer) -> Result<SteppedUp<'v>, StartTotpEnrolmentRefusal> {
    let user = &viewer.user;
    if user.has_second_factor() {
        return Ok(step_up(app, viewer)?);
    }
    match (&user.email, proven_address(user)) {
        (Some(_), None) => Err(StartTotpEnrolmentRefusal::EmailNotVerified),
        (Some(_), Some(_)) => {
            step_up_by_email(app, viewer).map_err(|_| StartTotpEnrolmentRefusal::EmailCodeRequired)
        }
        (None, _) => Ok(step_up(app, viewer)?),
    }
}
