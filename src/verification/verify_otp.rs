//! Proving an email address, or signing in, with an emailed code.

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    proof::Claim,
    prove::{ProofRefusal, Prover, prove},
};
use crate::{
    app::App,
    fault::{Failure, Fault},
    input::{EmailAddress, OneTimeCode},
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, SignIn, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Method, Purpose},
        session::AuthenticationMethod,
    },
};

/// A code, and the challenge that it answers.
#[derive(Clone, Debug)]
pub struct VerifyOtpInput {
    /// The email address.
    pub email: String,
    /// The code.
    pub otp: SecretString,
    /// The ID of the challenge, if the client kept it.
    pub challenge_id: Option<Uuid>,
}

/// Proves the email address and signs in. A code without the ID of its challenge proves that the person can read emails
/// to the address, but not that they requested the code.
pub async fn verify_otp(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    input: VerifyOtpInput,
) -> Result<SignIn, Failure<ProofRefusal>> {
    let email = EmailAddress::parse(&input.email).map_err(|_| ProofRefusal::Invalid)?;
    let code = OneTimeCode::parse(&input.otp, app.config.codes.otp_length).ok_or(ProofRefusal::Invalid)?;
    let (found, claim, attempt) = if let Some(id) = input.challenge_id {
        let (found, attempt) = try_by_id(app, client, viewer, &email, id).await?;
        (found.into_iter().collect(), Claim::ChallengeId, attempt)
    } else {
        let (found, attempt) = try_bare(app, client, viewer, &email).await?;
        (found, Claim::Mail, attempt)
    };
    let matching =
        found.into_iter().find(|challenge| app.tokens.is_one_time_code(challenge.id, code.expose()));
    let challenge = matching.ok_or(ProofRefusal::Invalid)?;
    let methods = vec![AuthenticationMethod::EmailCode];
    prove(app, Prover { client, viewer, claim, methods, attempt }, challenge).await
}

/// Counts one of the `OTP_MAX_ATTEMPTS` attempts at the challenge with this ID. The attempt is counted before the code
/// is compared, so that parallel guesses cannot exceed the limit. Returns no challenge if there is no live challenge
/// with this ID, or if no attempt is left.
async fn try_by_id(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    email: &EmailAddress,
    id: Uuid,
) -> Result<(Option<challenge::Model>, Attempt), Fault> {
    let now = Timestamp(app.clock.now());
    let awaited = challenge::find_live(app.db.read(), id, now).await?;
    let series = awaited.as_ref().and_then(|challenge| challenge.series_id).unwrap_or(id);
    let attempt = charge(app, client, viewer, Action::Code(series)).await?;
    let (key, most) = (email.key().to_owned(), app.config.codes.otp_max_attempts);
    let counted =
        app.db.write_one(async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await).await?;
    Ok((counted.filter(is_for_codes), attempt))
}

/// Returns the newest challenge of each purpose for which a code works without a challenge ID. All attempts without an
/// ID share one budget for the email address.
async fn try_bare(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    email: &EmailAddress,
) -> Result<(Vec<challenge::Model>, Attempt), Fault> {
    let attempt = charge(app, client, viewer, Action::BareCode(email)).await?;
    let awaited = challenge::list_live(app.db.read(), email.key(), Timestamp(app.clock.now())).await?;
    let newest = |purpose| {
        let mut of_purpose = awaited.iter().filter(move |challenge| challenge.purpose == purpose);
        of_purpose.next().filter(|challenge| is_for_codes(challenge)).cloned()
    };
    Ok(([Purpose::VerifyEmail, Purpose::SignIn].into_iter().filter_map(newest).collect(), attempt))
}

/// Charges an attempt to the challenge, to the client's address, and to the account of the session, if any.
async fn charge(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    attempted: Action<'_>,
) -> Result<Attempt, Fault> {
    let address = Address::rationed(app, client.ip_address);
    let mut failures = vec![attempted];
    failures.extend(address.iter().map(Action::FailedCodeFrom));
    failures.extend(viewer.map(|viewer| Action::FailedCodeBy(viewer.user.id)));
    Attempt::begin(app, &failures, None).await
}

/// Returns whether the challenge was emailed as a code that `verifyOtp` accepts.
fn is_for_codes(challenge: &challenge::Model) -> bool {
    let is_spent_here = match challenge.purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail | Purpose::SignIn => true,
        Purpose::ResetPassword | Purpose::Reauthentication => false,
    };
    is_spent_here && challenge.method == Method::Otp
}
