//! What makes a new password good, after NIST SP 800-63B: long enough, and not what a guesser would try first.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldErrorCode, Password, Username, Wrong},
};

/// What a guesser knows of the owner of a new password.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner<'a> {
    pub(super) email: Option<&'a EmailAddress>,
    pub(super) username: Option<&'a Username>,
    pub(super) names: [Option<&'a str>; 3],
}

impl Owner<'_> {
    fn words(&self) -> Vec<String> {
        let email =
            self.email.into_iter().flat_map(|email| [email.as_str(), email.key(), email.local_part()]);
        let username = self.username.map(Username::as_str);
        email.chain(username).chain(self.names.into_iter().flatten()).map(str::to_owned).collect()
    }
}

/// Whether a new password is long enough and not its owner's own name: what can be told without computing.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_new(app: &App, password: &Password, owner: Owner<'_>) -> Result<(), Wrong> {
    let least = app.config.password_min_length;
    if password.length() < least {
        let message = format!("A password has at least {least} characters.");
        return Err(Wrong::new(FieldErrorCode::TooShort, message));
    }
    if owner.words().iter().any(|word| password.is(word)) {
        let message = "This password is your own name or address: it is the first that others would try.";
        return Err(Wrong::new(FieldErrorCode::TooWeak, message));
    }
    Ok(())
}

/// Whether a new password was typed the same twice, where it was.
///
/// # Errors
/// That it was not.
pub(super) fn check_confirmation(password: &SecretString, again: Option<&SecretString>) -> Result<(), Wrong> {
    match again {
        Some(again) if again.expose_secret() != password.expose_secret() => {
            Err(Wrong::new(FieldErrorCode::Mismatch, "The two passwords differ."))
        }
        _ => Ok(()),
    }
}

/// The hash of a new password, or why it is too easily guessed. Computed on the hash workers.
///
/// # Errors
/// [`Fault::Busy`] where too many hashes wait.
pub(super) async fn hash_new(
    app: &App,
    password: Password,
    owner: Owner<'_>,
) -> Result<Result<String, Wrong>, Fault> {
    let hash = app.passwords.hash(password.into_secret(), owner.words()).await?;
    Ok(hash.map_err(|weak| {
        let message = format!("This password is too easily guessed. {}", weak.advice);
        Wrong::new(FieldErrorCode::TooWeak, message.trim_end())
    }))
}
