//! Signing in with a password and either a username or an email address.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

use super::{
    client::Client,
    open::PendingSession,
    sign_in::{SignInRefusal, sign_in},
    signed_in::SignIn,
};
use crate::{
    app::App,
    challenges::{IssuedChallenge, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, FieldError, Inputs, Invalid, Password, Username},
    passwords::HashPlace,
    rate_limit::{Account, Action, Address, Attempt},
    storage::{Timestamp, challenge, known_address, session::AuthenticationMethod, user},
};

/// The maximum length of an identifier in bytes. No email address is longer.
const MAX_IDENTIFIER_BYTES: usize = 254;

/// The credentials of a login.
#[derive(Clone, Debug)]
pub struct LoginInput {
    /// A username or an email address.
    pub identifier: String,
    /// The password.
    pub password: SecretString,
}

/// The reasons why a login is refused.
#[derive(Debug)]
pub enum LoginRefusal {
    /// These fields are invalid, because no account could have their values.
    InvalidInput(Vec<FieldError>),
    /// The account is unknown or has no password, or the password is wrong. The client cannot tell which.
    InvalidCredentials,
    /// The credentials are correct, but the account is deactivated.
    AccountDisabled,
}

impl Refusal for LoginRefusal {}

impl From<SignInRefusal> for LoginRefusal {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::AccountDisabled => Self::AccountDisabled,
            // the credentials changed while they were checked
            SignInRefusal::Outdated => Self::InvalidCredentials,
        }
    }
}

/// Signs in with a password.
///
/// Computes one hash for every request, so that the response time does not reveal which accounts exist. Computes a
/// second hash if the password looks like the password of a pending registration, or if it is correct but its stored
/// hash uses outdated parameters.
pub async fn login(app: &App, client: &Client, input: LoginInput) -> Result<SignIn, Failure<LoginRefusal>> {
    let password = parse(&input).map_err(LoginRefusal::InvalidInput)?.into_secret();

    let identifier = Identifier::parse(&input.identifier);
    let address = Address::rationed(app, client.ip_address);
    let asker = address.as_ref().map(Address::as_str);
    let (user, is_known) = identifier.find(app, asker).await?.unzip();
    let is_known = is_known.unwrap_or_default();
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let take_place = || app.passwords.place_to_verify(asker, stored);
    let (attempt, place) =
        charge(app, address.as_ref(), is_known, &identifier, user.as_ref(), take_place).await?;
    // queried even if the account exists, because a skipped query would show in the response time
    let registration = identifier.find_registration(app, &password).await?;

    // The account's hash, or a decoy, is always computed first. The account's password therefore signs in even if it is
    // also the registration's password or matches its MAC by chance. The time that a second hash takes reveals nothing
    // about the account, but only that the password is the registration's or one of the 1 in 65,536 passwords that have
    // the same MAC.
    let verified = app.passwords.verify(place, password.clone(), stored).await?;
    if let Some(user) = user.filter(|_| verified.is_right) {
        let pending = PendingSession::new(app, &user, client, &[AuthenticationMethod::Password])
            .rehashed(verified.rehashed);
        let signed_in = sign_in(app, client, &user, pending, attempt).await;
        return signed_in.map_err(Failure::into_refusal);
    }
    if let Some((challenge, registration)) = registration {
        let place = app.passwords.place_to_verify(asker, registration.password_hash());
        let place = attempt.unless_busy(app, place).await?;
        if app.passwords.verify(place, password, registration.password_hash()).await?.is_right {
            // still charged as a failure, because no session is opened and a hash must not be free
            return Ok(SignIn::EmailChallenge(Box::new(IssuedChallenge::earlier(app, challenge))));
        }
    }
    Err(LoginRefusal::InvalidCredentials.into())
}

/// Checks the length of both inputs, and returns the password.
fn parse(input: &LoginInput) -> Result<Password, Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let identifier = if input.identifier.len() > MAX_IDENTIFIER_BYTES {
        let message =
            format!("A username or email address can be at most {MAX_IDENTIFIER_BYTES} bytes long.");
        Err(Invalid::too_long(MAX_IDENTIFIER_BYTES, message))
    } else {
        Ok(())
    };
    inputs.check("identifier", identifier);
    let password = inputs.check("password", Password::parse(input.password.expose_secret()));
    inputs.finish()?;
    password.ok_or_else(Vec::new)
}

/// Charges a login as a failure.
///
/// A failure is charged to the account and the address together (`RATE_LIMIT_FAILED_LOGINS`). If the user has never
/// signed in from the address, the failure is also charged to each of the two alone. A stranger therefore has only a
/// few guesses, and cannot use up the owner's.
///
/// Strangers can use up the budgets that they share with an owner who signs in from an unknown address. The monthly
/// budget would then lock the owner out for a long time, so it applies only to accounts that can also sign in by email.
/// An unknown name counts as having an email address. A success refunds only its own charge. If it refunded the earlier
/// failures too, a stranger would learn that the owner has signed in.
async fn charge(
    app: &App,
    address: Option<&Address>,
    is_known: bool,
    identifier: &Identifier,
    user: Option<&user::Model>,
    take_place: impl FnOnce() -> Result<HashPlace, Fault>,
) -> Result<(Attempt, HashPlace), Fault> {
    let name = identifier.key();
    let account = user.map_or(Account::Unknown(&name), |user| Account::Known(user.id));
    let success = Some(Action::Login(account));
    let Some(address) = address else {
        return Attempt::begin_with_place(app, &[], success, take_place).await;
    };
    let mut failures = Vec::new();
    if let Some(user) = user.filter(|_| is_known) {
        failures.push(Action::FailedLoginAtHome(user.id, address));
    } else {
        failures.extend([
            Action::FailedLogin(account, address),
            Action::FailedLoginFrom(address),
            Action::FailedLoginTo(account),
        ]);
        let is_reached_by_mail = user.is_none_or(|user| user.email.is_some());
        failures.extend(is_reached_by_mail.then_some(Action::FailedLoginInAMonth(account)));
    }
    Attempt::begin_with_place(app, &failures, success, take_place).await
}

/// The parsed identifier.
enum Identifier {
    Email(EmailAddress),
    Username(Username),
    /// Neither a username nor an email address, so no account has it.
    Neither(String),
}

impl Identifier {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let parsed = if text.contains('@') {
            EmailAddress::parse(text).map(Self::Email)
        } else {
            Username::parse(text).map(Self::Username)
        };
        parsed.unwrap_or_else(|_| Self::Neither(text.to_lowercase()))
    }

    /// Returns the form that all spellings of the identifier share.
    fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Email(email) => email.key().into(),
            Self::Username(username) => username.key().into(),
            Self::Neither(text) => text.into(),
        }
    }

    /// Finds the user, and whether the user has signed in from the address.
    async fn find(&self, app: &App, address: Option<&str>) -> Result<Option<(user::Model, bool)>, Fault> {
        let on = app.db.read();
        Ok(match self {
            Self::Email(email) => known_address::find_user_by_email_key(on, email.key(), address).await?,
            Self::Username(username) => {
                known_address::find_user_by_username_key(on, &username.key(), address).await?
            }
            Self::Neither(_) => None,
        })
    }

    /// Finds the newest pending registration that has this identifier and may have this password. Returns the
    /// registration with its challenge.
    async fn find_registration(
        &self,
        app: &App,
        password: &SecretString,
    ) -> Result<Option<(challenge::Model, Registration)>, Fault> {
        if app.config.sign_up.email_verification != EmailVerification::Mandatory {
            return Ok(None);
        }
        let now = Timestamp(app.clock.now());
        let awaited = match self {
            Self::Email(email) => challenge::list_live(app.db.read(), email.key(), now).await?,
            Self::Username(username) => {
                challenge::list_live_by_username_key(app.db.read(), &username.key(), now).await?
            }
            Self::Neither(_) => Vec::new(),
        };
        let with_registration = |challenge: challenge::Model| {
            let registration = Registration::read(&challenge)?;
            registration.may_have(app, password).then_some((challenge, registration))
        };
        Ok(awaited.into_iter().find_map(with_registration))
    }
}
