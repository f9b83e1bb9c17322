//! What makes a new password good, after NIST SP 800-63B: long enough, and not what a guesser would try first.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldErrorCode, Invalid, Password, Username},
    storage::user,
};

/// What a guesser knows of the owner of a new password.
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

    /// The owner of an account.
    pub(crate) fn of(user: &user::Model) -> Self {
        // what is stored was parsed once
        let email = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok());
        let username = user.username.as_deref().and_then(|username| Username::parse(username).ok());
        let names = [user.name.as_deref(), user.first_name.as_deref(), user.last_name.as_deref()];
        Self::new(email.as_ref(), username.as_ref(), names)
    }
}

/// Whether a new password is long enough and not its owner's own name: what can be told without computing.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_new(app: &App, password: &Password, owner: &Owner) -> Result<(), Invalid> {
    let least = app.config.passwords.password_min_length;
    if password.length() < least {
        let message = format!("A password has at least {least} characters.");
        return Err(Invalid::new(FieldErrorCode::TooShort, message));
    }
    if owner.words.iter().any(|word| password.is(word)) {
        let message = "This password is your own name or address: it is the first that others would try.";
        return Err(Invalid::new(FieldErrorCode::TooWeak, message));
    }
    Ok(())
}

/// Whether a new password was typed the same twice, where it was.
///
/// # Errors
/// That it was not.
pub(crate) fn check_confirmation(
    password: &SecretString,
    again: Option<&SecretString>,
) -> Result<(), Invalid> {
    match again {
        Some(again) if again.expose_secret() != password.expose_secret() => {
            Err(Invalid::new(FieldErrorCode::Mismatch, "The two passwords differ."))
        }
        _ => Ok(()),
    }
}

/// The hash of a new password, or why it is too easily guessed. Computed on the hash workers.
///
/// # Errors
/// [`Fault::Busy`] where too many hashes wait.
pub(crate) async fn hash_new(
    app: &App,
    password: Password,
    owner: &Owner,
) -> Result<Result<String, Invalid>, Fault> {
    let hash = app.passwords.hash(password.into_secret(), owner.words.clone()).await?;
    Ok(hash.map_err(|weak| {
        let message = format!("This password is too easily guessed. {}", weak.advice);
        Invalid::new(FieldErrorCode::TooWeak, message.trim_end())
    }))
}
