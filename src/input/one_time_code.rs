//! Mailed codes, as people type them.

use secrecy::{ExposeSecret, SecretString};

/// The longest text that is looked at, in bytes.
const MAX_BYTES: usize = 64;

/// A code of bearable length, without the spaces and hyphens that people copy or type between its digits.
#[derive(Clone, Debug)]
pub struct OneTimeCode(SecretString);

impl OneTimeCode {
    /// Reads what was typed. `None` if it is longer than any code.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret();
        let is_kept = |c: &char| !c.is_whitespace() && *c != '-';
        (text.len() <= MAX_BYTES).then(|| Self(text.chars().filter(is_kept).collect::<String>().into()))
    }

    /// What was typed, without spaces and hyphens.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
