//! Signing up.

use secrecy::SecretString;

use super::{
    names::{Names, email_taken, username_taken},
    new_account::{Claim, Draft, NewAccountInput, claim},
};
use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, Opening, PendingSession, SignIn, SignedIn},
    storage::{
        challenge::Purpose,
        session::AuthenticationMethod,
        user::{self, Role},
    },
};

/// The reasons why no account is created.
#[derive(Debug)]
pub enum SignupRefusal {
    /// Sign-up is disabled.
    NotEnabled,
    /// These fields are invalid, or name what another account has.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for SignupRefusal {}

/// Creates an account and signs in. If verification is mandatory, requests a proof of the email address instead.
///
/// Computes one hash whether or not the names are free, so that the response time does not reveal which are.
pub async fn signup(
    app: &App,
    client: &Client,
    input: NewAccountInput,
) -> Result<SignIn, Failure<SignupRefusal>> {
    if !app.config.sign_up.signup {
        return Err(SignupRefusal::NotEnabled.into());
    }
    let mut draft = Draft::parse(app, &input);
    if !draft.is_exhausted() {
        let address = Address::rationed(app, client.ip_address);
        let action: Vec<_> = address.iter().map(Action::Signup).collect();
        let take_place = || draft.place_to_hash(app, address.as_ref().map(Address::as_str));
        let (_, place) = Attempt::begin_with_place(app, &action, None, take_place).await?;
        draft.hash(app, place).await?;
        draft.check_names(app).await?;
    }
    let (names, password) = (draft.names().clone(), draft.password().unwrap_or_default());
    let row = draft.into_row(app, Role::User).map_err(SignupRefusal::InvalidInput)?;
    match (app.config.sign_up.email_verification, &names.email) {
        (EmailVerification::Mandatory, Some(email)) => {
            let issued = register(app, client, row, email, &names, &password).await?;
            Ok(SignIn::EmailChallenge(Box::new(issued)))
        }
        (EmailVerification::Optional, Some(email)) => {
            let challenge = challenge(app, client, &row, email).await?;
            create(app, client, row, &names, challenge).await
        }
        _ => create(app, client, row, &names, None).await,
    }
}

/// Stores the new account's details with the challenge that proves its email address. The address is not looked up, so that the
/// response is the same for all addresses.
async fn register(
    app: &App,
    client: &Client,
    row: user::Model,
    email: &EmailAddress,
    names: &Names,
    password: &SecretString,
) -> Result<IssuedChallenge, Failure<SignupRefusal>> {
    let taken = names.taken(app).await?;
    if !taken.is_empty() {
        return Err(SignupRefusal::InvalidInput(taken).into());
    }
    let from = Asker::anonymous(client.ip_address);
    let permit = challenges::charge(app, from, Purpose::VerifyEmail, email).await?;
    let registration = Registration::of(row).map(|registration| registration.recognising(app, password));
    let about = About { registration, ..About::default() };
    let challenge = Challenge::new(app, Purpose::VerifyEmail, email, about, permit);
    let issued = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    Ok(issued)
}

/// Prepares the challenge that is emailed for a new account. Returns `None` if a name is taken, so that a failed attempt does
/// not use up the email of the next attempt. Also returns `None` if the address has had too many emails, because the account
/// need not wait for an email.
async fn challenge(
    app: &App,
    client: &Client,
    row: &user::Model,
    email: &EmailAddress,
) -> Result<Option<Challenge>, Fault> {
    let on = app.db.read();
    let has_username = match &row.username_key {
        Some(key) => user::find_by_username_key(on, key).await?.is_some(),
        None => false,
    };
    if has_username || user::find_by_email_key(on, email.key()).await?.is_some() {
        return Ok(None);
    }
    let permit = match challenges::charge(
        app,
        Asker::of(client.ip_address, row.id),
        Purpose::VerifyEmail,
        email,
    )
    .await
    {
        Err(Fault::RateLimited { .. }) => return Ok(None),
        permit => permit?,
    };
    let about = About { user_id: Some(row.id), ..About::default() };
    Ok(Some(Challenge::new(app, Purpose::VerifyEmail, email, about, permit)))
}

/// Inserts the account and opens its first session.
async fn create(
    app: &App,
    client: &Client,
    row: user::Model,
    names: &Names,
    challenge: Option<Challenge>,
) -> Result<SignIn, Failure<SignupRefusal>> {
    let pending = PendingSession::new(app, &row, client, &[AuthenticationMethod::Password]);
    let (claim, opened, issued) = app
        .db
        .write(async move |txn| {
            let claim = claim(&txn, row).await?;
            if claim != Claim::Granted {
                return Ok((claim, Opening::Outdated, None));
            }
            let issued = match challenge {
                Some(challenge) => Some(challenge.insert(&txn).await?),
                None => None,
            };
            Ok((claim, pending.open(&txn).await?, issued))
        })
        .await?;
    match (claim, opened) {
        (Claim::Granted, Opening::Opened(opened)) => {
            outbox::wake(app);
            let signed_in = SignedIn::issue(app, *opened)?;
            Ok(SignIn::SignedIn(Box::new(SignedIn { email_challenge: issued, ..signed_in })))
        }
        (Claim::Granted, _) => Err(Fault::internal("a new account cannot be signed in to").into()),
        (claim, _) => Err(SignupRefusal::InvalidInput(refused(app, claim, names).await?).into()),
    }
}

/// Returns every name that is taken. If none is any more, because another request has freed it, returns the name for which the
/// claim failed.
async fn refused(app: &App, claim: Claim, names: &Names) -> Result<Vec<FieldError>, Fault> {
    let taken = names.taken(app).await?;
    if !taken.is_empty() {
        return Ok(taken);
    }
    Ok(vec![match &names.username {
        Some(username) if claim == Claim::UsernameTaken => username_taken(app, username).await?,
        _ => email_taken(),
    }])
}
