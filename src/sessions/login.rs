//! Signing in with a username or an email address, and a password.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

use uuid::Uuid;

use super::{Client, PendingSession, SignIn, SignInRefusal, sign_in};
use crate::{
    app::App,
    challenges::{IssuedChallenge, Registration},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, FieldError, FieldErrorCode, Invalid, Password, Username},
    rate_limit::{Account, Action, Address, Attempt},
    storage::{Timestamp, challenge, known_address, session::AuthenticationMethod, user},
};

/// The longest identifier that is looked at, in bytes: no address is longer.
const MAX_IDENTIFIER_BYTES: usize = 254;

/// What a person signs in with.
#[derive(Clone, Debug)]
pub struct LoginInput {
    /// A username or an email address.
    pub identifier: String,
    /// The password.
    pub password: SecretString,
}

/// Why nobody is signed in.
#[derive(Debug)]
pub enum LoginRefusal {
    /// These fields are at fault: nothing could have these values.
    InvalidInput(Vec<FieldError>),
    /// Unknown account, wrong password, or an account with no password: never told apart.
    InvalidCredentials,
    /// The credentials were right, but the account is deactivated.
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

/// Signs in. Costs one hash, whatever the account. It costs another where the password looks like that of a registration under
/// way, and where the password is right but its hash uses outdated parameters.
///
/// # Errors
/// Why not.
pub async fn login(app: &App, client: &Client, input: LoginInput) -> Result<SignIn, Failure<LoginRefusal>> {
    if input.identifier.len() > MAX_IDENTIFIER_BYTES {
        let message = format!("An identifier has at most {MAX_IDENTIFIER_BYTES} bytes.");
        return Err(LoginRefusal::InvalidInput(vec![
            Invalid::new(FieldErrorCode::TooLong, message).at("identifier"),
        ])
        .into());
    }
    let password = Password::parse(input.password.expose_secret())
        .map_err(|wrong| LoginRefusal::InvalidInput(vec![wrong.at("password")]))?
        .into_secret();

    let identifier = Identifier::parse(&input.identifier);
    let user = identifier.find(app).await?;
    let attempt = charge(app, client, &identifier, user.as_ref()).await?;
    // asked for known accounts too, since what is not asked shows in the time
    let registration = identifier.find_registration(app, &password).await?;

    // The account's hash, or the decoy, is always computed first. So the account's right password signs in, even if it is the
    // registration's too or matches its MAC by chance. And whether there is a second hash does not depend on the account: it
    // tells that the password is the registration's, or one of the 1 in 65,536 that look like it.
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let verified = app.passwords.verify(password.clone(), stored).await;
    let verified = attempt.unless_busy(app, verified).await?;
    if let Some(user) = user.filter(|_| verified.is_right) {
        let pending = PendingSession::new(app, &user, client, &[AuthenticationMethod::Password]);
        let pending = pending.rehashed(verified.rehashed);
        let signed_in = sign_in(app, client, &user, pending, attempt).await;
        return signed_in.map_err(Failure::into_refusal);
    }
    if let Some((challenge, registration)) = registration {
        let verified = app.passwords.verify(password, registration.password_hash()).await;
        if attempt.unless_busy(app, verified).await?.is_right {
            // charged as a failure: it opens nothing, and hashes must not be free
            return Ok(SignIn::EmailChallenge(Box::new(IssuedChallenge::earlier(app, challenge))));
        }
    }
    Err(LoginRefusal::InvalidCredentials.into())
}

/// A failure counts for the account and the address together. Where the account does not know the address, it also counts for
/// each of the two: so a stranger has few guesses, and uses up nothing of the owner's.
///
/// Strangers can use up the budgets that the account has for all of them. The month's would then keep its owner out for long,
/// so it counts only if there is another way in, by mail. A name that nobody has counts as if it had an email address. A
/// sign-in gives back its own charge alone: a stranger who found the earlier failures gone would learn that the owner was here.
async fn charge(
    app: &App,
    client: &Client,
    identifier: &Identifier,
    user: Option<&user::Model>,
) -> Result<Attempt, Fault> {
    let name = identifier.key();
    let account = user.map_or(Account::Unknown(&name), |user| Account::Known(user.id));
    let Some(address) = Address::rationed(app, client.ip_address) else {
        return Attempt::begin(app, &[], Some(Action::Login(account))).await;
    };
    // asked of nobody's account too, since what is not asked shows in the time
    let id = user.map_or(Uuid::nil(), |user| user.id);
    let mut failures = Vec::new();
    if known_address::is_known(app.db.read(), id, address.as_str()).await? {
        failures.push(Action::FailedLoginAtHome(id, &address));
    } else {
        failures.extend([
            Action::FailedLogin(account, &address),
            Action::FailedLoginFrom(&address),
            Action::FailedLoginTo(account),
        ]);
        let is_reached_by_mail = user.is_none_or(|user| user.email.is_some());
        failures.extend(is_reached_by_mail.then_some(Action::FailedLoginInAMonth(account)));
    }
    Attempt::begin(app, &failures, Some(Action::Login(account))).await
}

/// What a person calls an account by.
enum Identifier {
    Email(EmailAddress),
    Username(Username),
    /// Nobody's.
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

    /// What all spellings have in common.
    fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Email(email) => email.key().into(),
            Self::Username(username) => username.key().into(),
            Self::Neither(text) => text.into(),
        }
    }

    async fn find(&self, app: &App) -> Result<Option<user::Model>, Fault> {
        Ok(match self {
            Self::Email(email) => user::find_by_email_key(app.db.read(), email.key()).await?,
            Self::Username(username) => user::find_by_username_key(app.db.read(), &username.key()).await?,
            Self::Neither(_) => None,
        })
    }

    /// The newest account to be of this name that may have this password, and its challenge.
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
