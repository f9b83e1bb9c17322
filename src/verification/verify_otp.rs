//! Proving an address by the code that was mailed to it.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::prove::{By, ProofError, Prover, prove, require};
use crate::{
    app::App,
    config::ChallengeMethod,
    input::EmailAddress,
    rate_limit::{self, Action},
    sessions::{Client, SignedIn, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
    },
};

/// The longest code that is looked at, in bytes.
const MAX_CODE_BYTES: usize = 64;

/// A code, and what it is for.
#[derive(Clone, Debug)]
pub struct VerifyOtpInput {
    /// The address.
    pub email: String,
    /// The code.
    pub otp: SecretString,
    /// The challenge, where the client kept it.
    pub challenge_id: Option<Uuid>,
}

/// Proves the address, and signs in.
///
/// # Errors
/// Why not.
pub async fn verify_otp(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    input: VerifyOtpInput,
) -> Result<SignedIn, ProofError> {
    require(app, ChallengeMethod::Otp)?;
    let email = EmailAddress::parse(&input.email).map_err(|_| ProofError::Invalid)?;
    if input.otp.expose_secret().len() > MAX_CODE_BYTES {
        return Err(ProofError::Invalid);
    }
    // as people copy it from a mail
    let code: String =
        input.otp.expose_secret().chars().filter(|c| !c.is_whitespace() && *c != '-').collect();

    let now = Timestamp(app.clock.now());
    // a try is counted, for good, before it is known whether it is right
    let (challenge, by) = if let Some(id) = input.challenge_id {
        let (key, most) = (email.key().to_owned(), app.config.otp_max_attempts);
        let counted = app
            .db
            .write_one(async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await)
            .await?;
        // anybody can ask for one with an address alone: such are together worth no more tries than the address
        if counted.as_ref().is_some_and(|of| of.user_id.is_none() && of.registration.is_none()) {
            rate_limit::charge(app, Action::BareCode(&email)).await?;
        }
        (counted, By::Id)
    } else {
        rate_limit::charge(app, Action::BareCode(&email)).await?;
        let awaited = challenge::list_live(app.db.read(), email.key(), now).await?;
        (awaited.into_iter().find(|challenge| challenge.purpose != Purpose::ResetPassword), By::Mail)
    };
    let id = challenge.as_ref().map_or(Uuid::nil(), |challenge| challenge.id);
    let is_right = app.tokens.is_one_time_code(id, &code);
    let challenge = challenge.filter(|challenge| is_right && challenge.purpose != Purpose::ResetPassword);
    let challenge = challenge.ok_or(ProofError::Invalid)?;
    prove(app, Prover { client, viewer }, challenge, by).await
}
