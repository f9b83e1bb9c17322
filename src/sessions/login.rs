//! Signing in with a username or an email address, and a password.

use secrecy::{ExposeSecret, SecretString};

use super::{Client, Opening, SignedIn};
use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldError, FieldErrorCode, Password, Username, Wrong},
    storage::user,
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
pub enum LoginError {
    /// These fields are at fault: nothing could have these values.
    InvalidInput(Vec<FieldError>),
    /// Unknown account, wrong password, or an account with no password: never told apart.
    InvalidCredentials,
    /// The credentials were right, but the account is deactivated.
    AccountDisabled,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for LoginError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Signs in. Costs one hash, whatever the account, and another where the stored hash is not what would be made today.
///
/// # Errors
/// Why not.
pub async fn login(app: &App, client: &Client, input: LoginInput) -> Result<SignedIn, LoginError> {
    if input.identifier.len() > MAX_IDENTIFIER_BYTES {
        let message = format!("An identifier has at most {MAX_IDENTIFIER_BYTES} bytes.");
        return Err(LoginError::InvalidInput(vec![
            Wrong::new(FieldErrorCode::TooLong, message).at("identifier"),
        ]));
    }
    let password = Password::parse(input.password.expose_secret())
        .map_err(|wrong| LoginError::InvalidInput(vec![wrong.at("password")]))?;

    let user = find(app, &input.identifier).await?;
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let verified = app.passwords.verify(password.into_secret(), stored).await?;
    let user = user.filter(|_| verified.is_right).ok_or(LoginError::InvalidCredentials)?;
    if !user.is_active {
        return Err(LoginError::AccountDisabled);
    }

    let opening = Opening::new(app, &user, client).rehashed(verified.rehashed);
    let opened = app.db.write(async move |txn| opening.open(&txn).await).await?;
    // the credentials changed while they were checked
    let opened = opened.ok_or(LoginError::InvalidCredentials)?;
    Ok(SignedIn::issue(app, opened)?)
}

/// What is neither an address nor a username is nobody's.
async fn find(app: &App, identifier: &str) -> Result<Option<user::Model>, Fault> {
    Ok(if identifier.contains('@') {
        match EmailAddress::parse(identifier) {
            Ok(email) => user::find_by_email_key(app.db.read(), email.key()).await?,
            Err(_) => None,
        }
    } else {
        match Username::parse(identifier.trim()) {
            Ok(username) => user::find_by_username_key(app.db.read(), &username.key()).await?,
            Err(_) => None,
        }
    })
}
