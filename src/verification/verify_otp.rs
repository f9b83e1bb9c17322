//! Proving an address, or signing in, by the code that was mailed.

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
    sessions::{Client, SignedIn, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Method, Purpose},
        session::AuthenticationMethod,
    },
};

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

/// Proves the address, and signs in. A code without the id of its challenge proves who reads the mails to the address, and not
/// who asked for them.
///
/// # Errors
/// [`ProofRefusal::Invalid`] if the code is wrong, expired, used up or superseded.
pub async fn verify_otp(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    input: VerifyOtpInput,
) -> Result<SignedIn, Failure<ProofRefusal>> {
    let email = EmailAddress::parse(&input.email).map_err(|_| ProofRefusal::Invalid)?;
    let code = OneTimeCode::parse(&input.otp, app.config.otp_length).ok_or(ProofRefusal::Invalid)?;
    let (found, claim, attempt) = if let Some(id) = input.challenge_id {
        let (found, attempt) = try_by_id(app, client, viewer, &email, id).await?;
        (found.into_iter().collect(), Claim::ChallengeId, attempt)
    } else {
        let (found, attempt) = try_bare(app, client, viewer, &email).await?;
        (found, Claim::Mail, attempt)
    };
    let right = found.into_iter().find(|challenge| app.tokens.is_one_time_code(challenge.id, code.expose()));
    let challenge = right.ok_or(ProofRefusal::Invalid)?;
    let methods = vec![AuthenticationMethod::EmailCode];
    prove(app, Prover { client, viewer, claim, methods, attempt }, challenge).await
}

/// Counts a try for the challenge with this id, for good, before it is known whether it is right. `None` if there is no such
/// challenge, or no try is left.
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
    let (key, most) = (email.key().to_owned(), app.config.otp_max_attempts);
    let counted =
        app.db.write_one(async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await).await?;
    Ok((counted.filter(is_for_codes), attempt))
}

/// The newest challenge of each purpose that a code alone may prove. All tries without an id share one budget of the address.
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

/// Charges a try to the challenge, to the client's address, and to the account in whose session it is made.
async fn charge(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    tried: Action<'_>,
) -> Result<Attempt, Fault> {
    let address = Address::rationed(app, client.ip_address);
    let mut failures = vec![tried];
    failures.extend(address.iter().map(Action::FailedCodeFrom));
    failures.extend(viewer.map(|viewer| Action::FailedCodeBy(viewer.user.id)));
    Attempt::begin(app, &failures, None).await
}

/// Whether a code was mailed for it that this mutation spends.
fn is_for_codes(challenge: &challenge::Model) -> bool {
    let is_spent_here = match challenge.purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail | Purpose::SignIn => true,
        Purpose::ResetPassword | Purpose::Reauthentication => false,
    };
    is_spent_here && challenge.method == Method::Otp
}
