//! Starting to enroll an authenticator app.

use std::time::Duration;

use qrcode::{QrCode, render::svg};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    may_enroll::{EnrolmentRefusal, may_enroll},
    totp::authenticator,
};
use crate::{
    app::App,
    fault::{Failure, Fault},
    rate_limit::{self, Action},
    secrets,
    sessions::Viewer,
    storage::{Timestamp, totp},
};

/// The time within which an enrollment must be finished.
const TTL: Duration = Duration::from_mins(30);

/// The side of the QR code, in pixels.
const QR_SIDE: u32 = 240;

/// An enrollment that has started.
#[derive(Clone, Debug)]
pub struct TotpEnrolment {
    /// The ID to send with the first code.
    pub id: Uuid,
    /// The secret in base 32, for typing it into an app.
    pub secret: SecretString,
    /// The `otpauth://` URI, for apps on the same device.
    pub uri: SecretString,
    /// The URI as a QR code: an SVG document.
    pub qr_svg: SecretString,
    /// The time until the enrollment expires.
    pub expires_in: Duration,
}

/// Creates the secret of an authenticator. The authenticator becomes a second factor once
/// [`finish_totp_enrolment`](super::finish_totp_enrolment()) has succeeded.
pub async fn start_totp_enrolment(
    app: &App,
    viewer: &Viewer,
) -> Result<TotpEnrolment, Failure<EnrolmentRefusal>> {
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
            // a factor that was enrolled in the meantime must not be replaced by someone who has not proven it
            if claim.lock(&txn, row.created_at).await?.is_none() {
                return Ok(false);
            }
            totp::insert(&txn, row).await?;
            Ok(true)
        })
        .await?;
    if !is_started {
        return Err(EnrolmentRefusal::ReauthenticationRequired.into());
    }
    Ok(TotpEnrolment {
        id,
        secret: authenticator.secret().to_base32().into(),
        uri: uri.into(),
        qr_svg: qr_svg.into(),
        expires_in: TTL,
    })
}
