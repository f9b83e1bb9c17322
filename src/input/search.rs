//! What people are searched by.

use unicode_normalization::UnicodeNormalization;

use super::{EmailAddress, invisible::trim_prose};

/// The fewest characters of a search: with one, half of all people are found.
const MIN_LENGTH: usize = 2;
/// The most bytes of a search: no address is longer.
const MAX_BYTES: usize = 254;

/// What all spellings of a name have in common: lower case, letter by letter, so that the beginning of a name is folded to the
/// beginning of what the whole is folded to.
#[must_use]
pub fn fold(text: &str) -> String {
    // the one letter that is written otherwise at the end of a word
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// Folds a search as names and addresses are folded.
///
/// # Errors
/// If it is too short or too long, or has control characters, in a sentence.
pub fn search_key(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("A search has at most {MAX_BYTES} bytes."));
    }
    // no name has an @, so what is an address looks for addresses alone
    let key = EmailAddress::parse(text)
        .map_or_else(|_| fold(&trim_prose(text).nfc().collect::<String>()), |email| email.key().to_owned());
    // PostgreSQL takes no NUL in a text
    if key.contains(char::is_control) {
        return Err("A search has no control characters.".to_owned());
    }
    if key.chars().count() < MIN_LENGTH {
        return Err(format!("A search has at least {MIN_LENGTH} characters."));
    }
    Ok(key)
}
