//! Passwords, as people type them.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::{FieldErrorCode, Invalid};

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
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let too_long = || {
            let message = format!("A password has at most {PASSWORD_MAX_LENGTH} characters.");
            Invalid::new(FieldErrorCode::TooLong, message)
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

    /// Characters, after normalisation.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.expose_secret().chars().count()
    }

    /// Whether it is this other one.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    /// Whether it is this text, but for case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.expose_secret().to_lowercase() == text.to_lowercase()
    }
}
