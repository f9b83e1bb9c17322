//! Emailing a code or a link again.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    config::{ChallengeMethod, EmailVerification},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    storage::{
        Timestamp, Txn,
        challenge::{self, Purpose},
    },
};

/// The reasons why nothing is emailed.
#[derive(Debug)]
pub enum ResendRefusal {
    /// This server verifies email addresses by the other method, or not at all.
    NotEnabled,
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for ResendRefusal {}

/// Emails a code again. The response is the same whether or not the email address is known.
pub async fn resend_otp(
    app: &App,
    asker: Asker,
    email: &str,
    challenge_id: Option<Uuid>,
) -> Result<IssuedChallenge, Failure<ResendRefusal>> {
    resend(app, asker, ChallengeMethod::Otp, email, challenge_id).await
}

/// Emails an activation link again. The response is the same whether or not the email address is known.
pub async fn resend_activation_email(
    app: &App,
    asker: Asker,
    email: &str,
    challenge_id: Option<Uuid>,
) -> Result<IssuedChallenge, Failure<ResendRefusal>> {
    resend(app, asker, ChallengeMethod::Link, email, challenge_id).await
}

async fn resend(
    app: &App,
    asker: Asker,
    method: ChallengeMethod,
    email: &str,
    challenge_id: Option<Uuid>,
) -> Result<IssuedChallenge, Failure<ResendRefusal>> {
    let email =
        EmailAddress::parse(email).map_err(|wrong| ResendRefusal::InvalidInput(vec![wrong.at("email")]))?;
    let found = match challenge_id {
        Some(id) => challenge::find(app.db.read(), id).await?,
        None => None,
    };
    // only the asker knows the ID, so revealing the challenge's purpose reveals nothing new
    let older = found.filter(|older| older.email_key == email.key() && is_repeatable(older.purpose));
    let purpose = older.as_ref().map_or(Purpose::VerifyEmail, |older| older.purpose);
    let is_off = match purpose {
        // always emailed as codes, whatever `EMAIL_VERIFICATION_METHOD` says
        Purpose::ChangeEmail | Purpose::SignIn => method != ChallengeMethod::Otp,
        _ => {
            let needs_no_proof = app.config.sign_up.email_verification == EmailVerification::None;
            app.config.sign_up.email_verification_method != method
                || (needs_no_proof && challenge_id.is_none())
        }
    };
    if is_off {
        return Err(ResendRefusal::NotEnabled.into());
    }
    let permit = challenges::charge(app, asker, purpose, &email).await?;
    // if the viewer verifies an address, the proof counts for the viewer's account
    let about =
        About { user_id: asker.user_id.filter(|_| purpose == Purpose::VerifyEmail), ..About::default() };
    let challenge = Challenge::new(app, purpose, &email, about, permit);
    let now = Timestamp(app.clock.now());
    let series_id = older.map(|older| older.series_id.unwrap_or(older.id));
    let mailed = app
        .db
        .write(async move |txn| {
            let superseded = match series_id {
                Some(series_id) => supersede(&txn, series_id, now).await?,
                None => None,
            };
            match superseded {
                Some(older) => challenge.in_place_of(older).insert(&txn).await,
                None => challenge.insert(&txn).await,
            }
        })
        .await?;
    outbox::wake(app);
    Ok(mailed)
}

fn is_repeatable(purpose: Purpose) -> bool {
    match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail | Purpose::SignIn => true,
        Purpose::ResetPassword | Purpose::Reauthentication => false,
    }
}

/// Ends the newest challenge of a series, even if it has expired. Returns the challenge, because its replacement takes
/// over its account and registration. Returns `None` if the challenge was spent. If two calls race, the later call
/// finds the challenge that the earlier call issued.
async fn supersede(txn: &Txn, series_id: Uuid, now: Timestamp) -> Result<Option<challenge::Model>, DbErr> {
    while let Some(newest) = challenge::find_newest(txn, series_id).await? {
        if newest.ended_at.is_some() {
            return Ok(None);
        }
        if challenge::supersede(txn, newest.id, now).await? {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}
