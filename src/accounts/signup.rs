//! Signing up.

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    names::{Names, email_taken, username_taken},
    new_account::{Claim, Draft, NewAccountInput, claim},
};
use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge, RegisteredPasskey, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, FieldError},
    outbox,
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, Opening, PendingSession, SignIn, SignedIn},
    storage::{
        Timestamp,
        challenge::Purpose,
        passkey, passkey_ceremony,
        session::AuthenticationMethod,
        user::{self, Role, SecondFactorMethod},
    },
};

/// The reasons why no account is created.
#[derive(Debug)]
pub enum SignupRefusal {
    /// Sign-up is disabled.
    NotEnabled,
    /// These fields are invalid, or contain a username or an email address that another account has.
    InvalidInput(Vec<FieldError>),
    /// Another request has spent the passkey's ceremony, or an account already has the passkey.
    PasskeySpent,
}

impl Refusal for SignupRefusal {}

/// Creates an account and signs the user in. If email verification is mandatory, requests a proof of the email address
/// instead.
///
/// Computes one hash whether or not the names are free, so that the response time does not reveal which names are free.
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
    let (names, password) = (draft.names().clone(), draft.password());
    let row = draft.into_row(app, Role::User).map_err(SignupRefusal::InvalidInput)?;
    admit(app, client, NewAccount { row, names, password, passkey: None }).await
}

/// The passkey with which somebody signs up, and its ceremony.
#[derive(Clone, Debug)]
pub struct SignupPasskey {
    /// The ceremony to spend.
    pub ceremony: Uuid,
    /// The passkey.
    pub passkey: RegisteredPasskey,
}

/// Checks the details of an account that is about to be created with a passkey. Returns its row.
pub async fn check_passkey_signup(
    app: &App,
    client: &Client,
    input: &NewAccountInput,
) -> Result<user::Model, Failure<SignupRefusal>> {
    if !app.config.sign_up.signup {
        return Err(SignupRefusal::NotEnabled.into());
    }
    let mut draft = Draft::parse(app, input);
    if !draft.is_exhausted() {
        let address = Address::rationed(app, client.ip_address);
        let action: Vec<_> = address.iter().map(Action::Signup).collect();
        Attempt::begin(app, &action, None).await?;
        draft.check_names(app).await?;
    }
    let names = draft.names().clone();
    let row = draft.into_row(app, Role::User).map_err(SignupRefusal::InvalidInput)?;
    // checked before the browser creates the passkey, because a useless passkey would stay on the person's devices
    let taken = names.taken(app).await?;
    if taken.is_empty() { Ok(row) } else { Err(SignupRefusal::InvalidInput(taken).into()) }
}

/// Creates an account with a passkey and no password, and signs the user in. If email verification is mandatory,
/// requests a proof of the email address instead. [`check_passkey_signup`] must have checked the input.
pub async fn signup_with_passkey(
    app: &App,
    client: &Client,
    input: &NewAccountInput,
    passkey: SignupPasskey,
) -> Result<SignIn, Failure<SignupRefusal>> {
    if !app.config.sign_up.signup {
        return Err(SignupRefusal::NotEnabled.into());
    }
    let draft = Draft::parse(app, input);
    let names = draft.names().clone();
    let row = draft.into_row(app, Role::User).map_err(SignupRefusal::InvalidInput)?;
    let row = user::Model {
        id: passkey.passkey.user_handle,
        second_factors: SecondFactorMethod::join(&[SecondFactorMethod::Passkey]),
        ..row
    };
    admit(app, client, NewAccount { row, names, password: None, passkey: Some(passkey) }).await
}

/// An account whose details are valid.
struct NewAccount {
    row: user::Model,
    names: Names,
    password: Option<SecretString>,
    passkey: Option<SignupPasskey>,
}

impl NewAccount {
    fn method(&self) -> AuthenticationMethod {
        match self.passkey {
            Some(_) => AuthenticationMethod::Passkey,
            None => AuthenticationMethod::Password,
        }
    }
}

async fn admit(app: &App, client: &Client, new: NewAccount) -> Result<SignIn, Failure<SignupRefusal>> {
    match (app.config.sign_up.email_verification, new.names.email.clone()) {
        (EmailVerification::Mandatory, Some(email)) => {
            let issued = register(app, client, new, &email).await?;
            Ok(SignIn::EmailChallenge(Box::new(issued)))
        }
        (EmailVerification::Optional, Some(email)) => {
            let challenge = challenge(app, client, &new.row, &email).await?;
            create(app, client, new, challenge).await
        }
        _ => create(app, client, new, None).await,
    }
}

/// Stores the new account's details with the challenge that proves its email address. Does not look up the address, so
/// that the response is the same for all addresses.
async fn register(
    app: &App,
    client: &Client,
    NewAccount { row, names, password, passkey }: NewAccount,
    email: &EmailAddress,
) -> Result<IssuedChallenge, Failure<SignupRefusal>> {
    let taken = names.taken(app).await?;
    if !taken.is_empty() {
        return Err(SignupRefusal::InvalidInput(taken).into());
    }
    let from = Asker::anonymous(client.ip_address);
    let permit = challenges::charge(app, from, Purpose::VerifyEmail, email).await?;
    let (ceremony, passkey) = passkey.map(|signup| (signup.ceremony, signup.passkey)).unzip();
    let registration = Registration::of(row).map(|registration| {
        registration.recognising(app, &password.unwrap_or_default()).with_passkey(passkey)
    });
    let about = About { registration, ..About::default() };
    let challenge = Challenge::new(app, Purpose::VerifyEmail, email, about, permit);
    let now = Timestamp(app.clock.now());
    let issued = app
        .db
        .write(async move |txn| match ceremony {
            Some(id) if !passkey_ceremony::end(&txn, id, now).await? => Ok(None),
            _ => challenge.insert(&txn).await.map(Some),
        })
        .await?;
    outbox::wake(app);
    Ok(issued.ok_or(SignupRefusal::PasskeySpent)?)
}

/// Prepares the challenge that is emailed for a new account. Returns `None` if a name is taken, so that a failed
/// sign-up does not use up the budget for emails to the address. Also returns `None` if the address has received too
/// many emails. In that case, the account is created without a challenge.
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
    new: NewAccount,
    challenge: Option<Challenge>,
) -> Result<SignIn, Failure<SignupRefusal>> {
    let pending = PendingSession::new(app, &new.row, client, &[new.method()]);
    let NewAccount { row, names, passkey, .. } = new;
    let (user_id, now) = (row.id, row.created_at);
    let created = app
        .db
        .write(async move |txn| {
            let claim = claim(&txn, row).await?;
            if claim != Claim::Granted {
                return Ok(Some((claim, Opening::Outdated, None)));
            }
            if let Some(SignupPasskey { ceremony, passkey }) = passkey {
                let is_mine = passkey_ceremony::end(&txn, ceremony, now).await?
                    && passkey::insert(&txn, passkey.into_row(user_id, now)).await?;
                if !is_mine {
                    txn.undo();
                    return Ok(None);
                }
            }
            let issued = match challenge {
                Some(challenge) => Some(challenge.insert(&txn).await?),
                None => None,
            };
            Ok(Some((claim, pending.open(&txn).await?, issued)))
        })
        .await?;
    let (claim, opened, issued) = created.ok_or(SignupRefusal::PasskeySpent)?;
    match (claim, opened) {
        (Claim::Granted, Opening::Opened(opened)) => {
            outbox::wake(app);
            let signed_in = SignedIn::issue(app, *opened)?;
            Ok(SignIn::SignedIn(Box::new(SignedIn { email_challenge: issued, ..signed_in })))
        }
        (Claim::Granted, _) => Err(Fault::internal("a new account cannot be signed in to").into()),
        (claim, _) => Err(SignupRefusal::InvalidInput(refused(app, claim, &names).await?).into()),
    }
}

/// Returns an error for every name that is taken. If another request has freed the names in the meantime, returns an
/// error for the name that could not be claimed.
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
