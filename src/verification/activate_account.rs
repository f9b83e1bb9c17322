//! Proving an address, or signing in, by the link that was mailed.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::prove::{Claim, ProofRefusal, Prover, prove};
use crate::{
    app::App,
    challenges::Registration,
    fault::Failure,
    input::Password,
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, SignedIn, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        session::AuthenticationMethod,
        user,
    },
};

/// The token of a link, and what may show that its reader asked for it.
#[derive(Clone, Debug)]
pub struct ActivateAccountInput {
    /// The token of the link.
    pub token: SecretString,
    /// The challenge that the asker was answered with, or one that replaced it.
    pub challenge_id: Option<Uuid>,
    /// The password that was chosen at sign-up.
    pub password: Option<SecretString>,
}

/// Proves the address, and signs in. The link alone keeps no password and no other way in that was chosen before: somebody else
/// may have had it mailed.
///
/// # Errors
/// [`ProofRefusal::InvalidCredentials`] if there is a password and it is wrong: the link stays good.
pub async fn activate_account(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    input: ActivateAccountInput,
) -> Result<SignedIn, Failure<ProofRefusal>> {
    let now = Timestamp(app.clock.now());
    let read = |purpose| Some((purpose, app.tokens.read_link_token(purpose, input.token.expose_secret())?));
    let link = [Purpose::VerifyEmail, Purpose::SignIn].into_iter().find_map(read);
    let (purpose, link_id) = link.ok_or(ProofRefusal::Invalid)?;
    let challenge = challenge::find_live_by_link(app.db.read(), link_id, now).await?;
    let challenge =
        challenge.filter(|challenge| challenge.purpose == purpose).ok_or(ProofRefusal::Invalid)?;

    let mut methods = vec![AuthenticationMethod::EmailLink];
    let (claim, attempt) = match (input.challenge_id, input.password) {
        (Some(id), _) if is_of_series(app, id, &challenge).await? => (Claim::ChallengeId, Attempt::free(app)),
        (_, Some(password)) => {
            methods.push(AuthenticationMethod::Password);
            check_password(app, client, &challenge, password).await?
        }
        _ => (Claim::Mail, Attempt::free(app)),
    };
    prove(app, Prover { client, viewer, claim, methods, attempt }, challenge).await
}

async fn is_of_series(
    app: &App,
    id: Uuid,
    challenge: &challenge::Model,
) -> Result<bool, Failure<ProofRefusal>> {
    let issued = challenge::find(app.db.read(), id).await?;
    Ok(issued.is_some_and(|issued| {
        issued.id == challenge.id || (issued.series_id.is_some() && issued.series_id == challenge.series_id)
    }))
}

/// Checks the password beside a link: that of the account with the address, else that of the registration. Costs one hash.
/// Tries are counted for the link and for the client, whichever link it tries.
async fn check_password(
    app: &App,
    client: &Client,
    challenge: &challenge::Model,
    password: SecretString,
) -> Result<(Claim, Attempt), Failure<ProofRefusal>> {
    let password = Password::parse(password.expose_secret()).map_err(|_| ProofRefusal::InvalidCredentials)?;
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
    let attempt = Attempt::begin(app, &failures, None).await?;
    let verified = app.passwords.verify(password.into_secret(), stored).await;
    if attempt.unless_busy(app, verified).await?.is_right {
        Ok((claim, attempt))
    } else {
        Err(ProofRefusal::InvalidCredentials.into())
    }
}
