//! Passwords.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::field_error::Invalid;

/// The maximum length of a password in characters.
pub const PASSWORD_MAX_LENGTH: usize = 128;

/// The maximum length in bytes, checked before anything is counted, normalized or hashed.
const MAX_BYTES: usize = 8 * PASSWORD_MAX_LENGTH;

/// A password of at most [`PASSWORD_MAX_LENGTH`] characters, in NFC, so that it is the same from every keyboard.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Parses a password. Every character is allowed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let too_long = || {
            let message = format!("A password can be at most {PASSWORD_MAX_LENGTH} characters long.");
            Invalid::too_long(PASSWORD_MAX_LENGTH, message)
        };
        if text.len() > MAX_BYTES {
            return Err(too_long());
        }
        let normalised: String = text.nfc().collect();
        if normalised.chars().count() > PASSWORD_MAX_LENGTH {
            return Err(too_long());
        }
        Ok(Self(normalised.into()))
    }

    /// Returns the text, for the hash workers.
    #[must_use]
    pub fn into_secret(self) -> SecretString {
        self.0
    }

    /// Returns the number of characters, after normalization.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.expose_secret().chars().count()
    }

    /// Returns whether both passwords are the same.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    /// Returns whether the password is this text, ignoring case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.expose_secret().to_lowercase() == text.to_lowercase()
    }
}
