//! Searches for users.

use unicode_normalization::UnicodeNormalization;

use super::{email_address::EmailAddress, invisible::trim_prose};

/// The minimum length of a search in characters. A single letter would match about half of all users.
const MIN_LENGTH: usize = 2;
/// The maximum length of a search in bytes. No email address is longer.
const MAX_BYTES: usize = 254;

/// Returns the form that all spellings of a name share. Each letter is lower-cased by itself, so that a prefix of a
/// name always folds to a prefix of the folded name.
#[must_use]
pub fn fold(text: &str) -> String {
    // sigma is the one letter with a different form at the end of a word
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// Folds a search in the same way as names and email addresses. The error is a message for people.
pub fn search_key(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("A search can be at most {MAX_BYTES} bytes long."));
    }
    // names rarely contain an `@`, so a search that is an email address looks for email addresses only
    let key = EmailAddress::parse(text)
        .map_or_else(|_| fold(&trim_prose(text).nfc().collect::<String>()), |email| email.key().to_owned());
    // PostgreSQL rejects NULs in text
    if key.contains(char::is_control) {
        return Err("A search cannot contain control characters.".to_owned());
    }
    if key.chars().count() < MIN_LENGTH {
        return Err(format!("A search must have at least {MIN_LENGTH} characters."));
    }
    Ok(key)
}
