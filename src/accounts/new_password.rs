//! The rules for a new password, based on NIST SP 800-63B. The password must be long enough, and must not be one that
//! an attacker would try first.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldErrorCode, Invalid, Password, Username},
    passwords::HashPlace,
    storage::user,
};

/// The words that an attacker would associate with the owner of a password.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    words: Vec<String>,
}

impl Owner {
    pub(super) fn new(
        email: Option<&EmailAddress>,
        username: Option<&Username>,
        names: [Option<&str>; 3],
    ) -> Self {
        let email = email.into_iter().flat_map(|email| [email.as_str(), email.key(), email.local_part()]);
        let username = username.map(Username::as_str);
        let words = email.chain(username).chain(names.into_iter().flatten());
        Self { words: words.map(str::to_owned).collect() }
    }

    /// Returns the owner of an account.
    pub(crate) fn of(user: &user::Model) -> Self {
        // stored values have already been validated, so parsing them succeeds
        let email = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok());
        let username = user.username.as_deref().and_then(|username| Username::parse(username).ok());
        let names = [user.name.as_deref(), user.first_name.as_deref(), user.last_name.as_deref()];
        Self::new(email.as_ref(), username.as_ref(), names)
    }
}

/// Checks that a new password has at least `PASSWORD_MIN_LENGTH` characters and is not the name or address of its
/// owner. Does not compute a hash.
pub(crate) fn check_new(app: &App, password: &Password, owner: &Owner) -> Result<(), Invalid> {
    let least = app.config.passwords.password_min_length;
    if password.length() < least {
        let message = format!("A password must have at least {least} characters.");
        return Err(Invalid::too_short(least, message));
    }
    if owner.words.iter().any(|word| password.is(word)) {
        let message = "This password is your own name or address, which others would try first.";
        return Err(Invalid::new(FieldErrorCode::TooWeak, message));
    }
    Ok(())
}

/// Checks that the confirmation, if there is one, matches the password.
pub(crate) fn check_confirmation(
    password: &SecretString,
    confirmation: Option<&SecretString>,
) -> Result<(), Invalid> {
    match confirmation {
        Some(confirmation) if confirmation.expose_secret() != password.expose_secret() => {
            Err(Invalid::new(FieldErrorCode::Mismatch, "The two passwords do not match."))
        }
        _ => Ok(()),
    }
}

/// Hashes a new password on the hash threads. The inner error says why the password is too easy to guess. Fails with
/// [`Fault::Busy`] if too many hashes are waiting.
pub(crate) async fn hash_new(
    app: &App,
    place: HashPlace,
    password: Password,
    owner: &Owner,
) -> Result<Result<String, Invalid>, Fault> {
    let hash = app.passwords.hash(place, password.into_secret(), owner.words.clone()).await?;
    Ok(hash.map_err(|weak| {
        let message = format!("This password is too easy to guess. {}", weak.advice);
        Invalid::new(FieldErrorCode::TooWeak, message.trim_end())
    }))
}
