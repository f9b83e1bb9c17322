//! Passwords, as people type them: rules after NIST SP 800-63B.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::{EmailAddress, Username};
use crate::{
    app::App,
    fault::Fault,
    input::{FieldErrorCode, Wrong},
};

/// The most characters of a password.
pub const PASSWORD_MAX_LENGTH: usize = 128;

/// The most bytes that are looked at: before anything is counted, normalised or hashed.
const MAX_BYTES: usize = 8 * PASSWORD_MAX_LENGTH;

/// A password of bearable length, in NFC, so that one typed on another keyboard is the same.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Reads what was typed. Any character is good.
    ///
    /// # Errors
    /// If it is longer than any password.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let too_long = || {
            let message = format!("A password has at most {PASSWORD_MAX_LENGTH} characters.");
            Wrong::new(FieldErrorCode::TooLong, message)
        };
        if text.len() > MAX_BYTES {
            return Err(too_long());
        }
        let text: String = text.nfc().collect();
        if text.chars().count() > PASSWORD_MAX_LENGTH {
            return Err(too_long());
        }
        Ok(Self(text.into()))
    }

    /// What was typed, for the hash workers.
    #[must_use]
    pub fn into_secret(self) -> SecretString {
        self.0
    }

    fn is(&self, text: &str) -> bool {
        self.0.expose_secret().to_lowercase() == text.to_lowercase()
    }
}

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
    if password.0.expose_secret().chars().count() < least {
        let message = format!("A password has at least {least} characters.");
        return Err(Wrong::new(FieldErrorCode::TooShort, message));
    }
    if owner.words().iter().any(|word| password.is(word)) {
        let message = "This password is your own name or address: it is the first that others would try.";
        return Err(Wrong::new(FieldErrorCode::TooWeak, message));
    }
    Ok(())
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
