//! Proving an email address, or signing in, with an emailed link.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    proof::Claim,
    prove::{ProofRefusal, Prover, prove},
};
use crate::{
    app::App,
    challenges::Registration,
    fault::{Failure, Fault},
    input::Password,
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, SignIn, Viewer, try_password},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        session::AuthenticationMethod,
        user,
    },
};

/// The token of a link, and evidence that the person who opens the link requested it.
#[derive(Clone, Debug)]
pub struct ActivateAccountInput {
    /// The token of the link.
    pub token: SecretString,
    /// The challenge ID that was returned when the email was requested, or the ID of a challenge that replaced that
    /// challenge.
    pub challenge_id: Option<Uuid>,
    /// The password that was chosen at sign-up.
    pub password: Option<SecretString>,
}

/// Proves the email address and signs in. If only the link is given, a password or identity from the sign-up is
/// dropped, because someone else may have signed up with the address. If the password is wrong, the link remains usable.
pub async fn activate_account(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    input: ActivateAccountInput,
) -> Result<SignIn, Failure<ProofRefusal>> {
    let now = Timestamp(app.clock.now());
    let read = |purpose| Some((purpose, app.tokens.read_link_token(purpose, input.token.expose_secret())?));
    let link = [Purpose::VerifyEmail, Purpose::SignIn].into_iter().find_map(read);
    let (purpose, link_id) = link.ok_or(ProofRefusal::Invalid)?;
    let found = challenge::find_live_by_link(app.db.read(), link_id, now).await?;
    let challenge = found.filter(|found| found.purpose == purpose).ok_or(ProofRefusal::Invalid)?;

    let mut methods = vec![AuthenticationMethod::EmailLink];
    let (claim, attempt) = match (input.challenge_id, input.password) {
        (Some(id), _) if is_in_series(app, id, &challenge).await? => (Claim::ChallengeId, Attempt::free(app)),
        (_, Some(password)) => {
            methods.push(AuthenticationMethod::Password);
            check_password(app, client, &challenge, password).await?
        }
        _ => (Claim::Mail, Attempt::free(app)),
    };
    prove(app, Prover { client, viewer, claim, methods, attempt }, challenge).await
}

/// Returns whether the challenge with this ID is `challenge`, or was replaced by it.
pub(super) async fn is_in_series(app: &App, id: Uuid, challenge: &challenge::Model) -> Result<bool, Fault> {
    let issued = challenge::find(app.db.read(), id).await?;
    Ok(issued.is_some_and(|issued| {
        issued.id == challenge.id || (issued.series_id.is_some() && issued.series_id == challenge.series_id)
    }))
}

/// Checks the password that was sent along with a link against the account that has the address. If no account has the
/// address, checks the password against the registration. Computes one hash. Attempts are charged to the link, and to
/// the client across all links.
async fn check_password(
    app: &App,
    client: &Client,
    challenge: &challenge::Model,
    password: SecretString,
) -> Result<(Claim, Attempt), Failure<ProofRefusal>> {
    let entered = Password::parse(password.expose_secret()).map_err(|_| ProofRefusal::InvalidCredentials)?;
    let account = user::find_by_email_key(app.db.read(), &challenge.email_key).await?;
    let registration = Registration::read(challenge);
    let (stored, claim) = match (&account, &registration) {
        (Some(account), _) => {
            let claim = Claim::AccountPassword(account.id, account.credentials_version);
            (account.password_hash.as_deref(), claim)
        }
        (None, Some(registration)) => (registration.password_hash(), Claim::RegistrationPassword),
        (None, None) => (None, Claim::Mail),
    };
    let address = Address::rationed(app, client.ip_address);
    let mut failures = vec![Action::LinkPassword(challenge.id)];
    failures.extend(address.iter().map(Action::FailedCodeFrom));
    let attempt = try_password(app, address.as_ref(), &failures, entered, stored).await?;
    Ok((claim, attempt.ok_or(ProofRefusal::InvalidCredentials)?))
}
