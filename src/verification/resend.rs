//! Mailing the proof of an address once more.

use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, About, Asked, Challenge},
    config::{ChallengeMethod, EmailVerification},
    fault::Fault,
    input::{EmailAddress, FieldError},
    outbox,
    storage::{
        Timestamp,
        challenge::{self, Purpose},
    },
};

/// Why nothing was mailed.
#[derive(Debug)]
pub enum ResendError {
    /// Addresses are proven another way here, or not at all.
    NotEnabled,
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ResendError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Mails a one-time password again. The answer is the same whether or not the address is known.
///
/// # Errors
/// Why not.
pub async fn resend_otp(app: &App, email: &str, challenge_id: Option<Uuid>) -> Result<Asked, ResendError> {
    resend(app, ChallengeMethod::Otp, email, challenge_id).await
}

/// Mails an activation link again. The answer is the same whether or not the address is known.
///
/// # Errors
/// Why not.
pub async fn resend_activation_email(
    app: &App,
    email: &str,
    challenge_id: Option<Uuid>,
) -> Result<Asked, ResendError> {
    resend(app, ChallengeMethod::Link, email, challenge_id).await
}

async fn resend(
    app: &App,
    method: ChallengeMethod,
    email: &str,
    challenge_id: Option<Uuid>,
) -> Result<Asked, ResendError> {
    let is_off = app.config.email_verification == EmailVerification::None && challenge_id.is_none();
    if app.config.email_verification_method != method || is_off {
        return Err(ResendError::NotEnabled);
    }
    let email =
        EmailAddress::parse(email).map_err(|wrong| ResendError::InvalidInput(vec![wrong.at("email")]))?;
    let now = Timestamp(app.clock.now());
    let older = match challenge_id {
        Some(id) => challenge::find_live(app.db.read(), id, now).await?,
        None => None,
    };
    // whoever has an id has asked for it, and may know what it is for
    let older =
        older.filter(|older| older.email_key == email.key() && older.purpose != Purpose::ResetPassword);
    let purpose = older.as_ref().map_or(Purpose::VerifyEmail, |older| older.purpose);
    let permit = challenges::charge(app, purpose, &email).await?;
    let challenge = Challenge::new(app, purpose, &email, About::default(), permit);
    let asked = app
        .db
        .write(async move |txn| {
            let superseded = match older {
                Some(older) => challenge::end(&txn, older.id, now).await?,
                None => None,
            };
            match superseded {
                Some(older) => challenge.in_place_of(older).insert(&txn).await,
                None => challenge.insert(&txn).await,
            }
        })
        .await?;
    outbox::wake(app);
    Ok(asked)
}
