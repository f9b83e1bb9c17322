//! Signing up.

use secrecy::SecretString;

use super::new_account::{Claim, NewAccount, NewAccountInput, claim, is_reserved};
use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, PendingSession, SignIn, SignedIn},
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
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// Another account has this email address.
    EmailTaken,
    /// Another account has this username, or it is reserved.
    UsernameTaken,
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
    let account = NewAccount::parse(app, &input).map_err(SignupRefusal::InvalidInput)?;
    let address = Address::rationed(app, client.ip_address);
    let action: Vec<_> = address.iter().map(Action::Signup).collect();
    let asker = address.as_ref().map(Address::as_str);
    let (email, password) = (account.email().cloned(), account.password());
    let take_place = || app.passwords.place_to_hash(asker, account.password_length());
    let (_, place) = Attempt::begin_with_place(app, &action, None, take_place).await?;
    if account.username().is_some_and(|username| is_reserved(app, username)) {
        return Err(SignupRefusal::UsernameTaken.into());
    }
    let row = account
        .into_row(app, place, Role::User)
        .await?
        .map_err(|wrong| SignupRefusal::InvalidInput(vec![wrong.at("password")]))?;
    match (app.config.sign_up.email_verification, email) {
        (EmailVerification::Mandatory, Some(email)) => {
            let issued = register(app, client, row, &email, &password).await?;
            Ok(SignIn::EmailChallenge(Box::new(issued)))
        }
        (EmailVerification::Optional, Some(email)) => {
            let challenge = challenge(app, client, &row, &email).await?;
            create(app, client, row, challenge).await
        }
        _ => create(app, client, row, None).await,
    }
}

/// Stores the new account's details with the challenge that proves its email address. The address is not looked up, so that the
/// response is the same for all addresses.
async fn register(
    app: &App,
    client: &Client,
    row: user::Model,
    email: &EmailAddress,
    password: &SecretString,
) -> Result<IssuedChallenge, Failure<SignupRefusal>> {
    if let Some(key) = &row.username_key
        && user::find_by_username_key(app.db.read(), key).await?.is_some()
    {
        return Err(SignupRefusal::UsernameTaken.into());
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
    challenge: Option<Challenge>,
) -> Result<SignIn, Failure<SignupRefusal>> {
    let pending = PendingSession::new(app, &row, client, &[AuthenticationMethod::Password]);
    let (claim, opened, issued) = app
        .db
        .write(async move |txn| {
            let claim = claim(&txn, row).await?;
            if claim != Claim::Granted {
                return Ok((claim, None, None));
            }
            let issued = match challenge {
                Some(challenge) => Some(challenge.insert(&txn).await?),
                None => None,
            };
            Ok((claim, pending.open(&txn).await?, issued))
        })
        .await?;
    match (claim, opened) {
        (Claim::Granted, Some(opened)) => {
            outbox::wake(app);
            let signed_in = SignedIn::issue(app, opened)?;
            Ok(SignIn::SignedIn(Box::new(SignedIn { email_challenge: issued, ..signed_in })))
        }
        (Claim::Granted, None) => Err(Fault::internal("a new account cannot be signed in to").into()),
        (Claim::EmailTaken, _) => Err(SignupRefusal::EmailTaken.into()),
        (Claim::UsernameTaken, _) => Err(SignupRefusal::UsernameTaken.into()),
    }
}
