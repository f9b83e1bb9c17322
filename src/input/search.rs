//! What people are searched by.

use unicode_normalization::UnicodeNormalization;

/// The fewest characters of a search: with one, half of all people are found.
const MIN_LENGTH: usize = 2;
/// The most bytes of a search: no address is longer.
const MAX_BYTES: usize = 254;

/// Folds a search as names and addresses are folded: NFC, in lower case.
///
/// # Errors
/// If it is too short or too long, or has control characters, in a sentence.
pub fn search_key(text: &str) -> Result<String, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("A search has at most {MAX_BYTES} bytes."));
    }
    let key = text.trim().nfc().collect::<String>().to_lowercase();
    // PostgreSQL takes no NUL in a text
    if key.contains(char::is_control) {
        return Err("A search has no control characters.".to_owned());
    }
    if key.chars().count() < MIN_LENGTH {
        return Err(format!("A search has at least {MIN_LENGTH} characters."));
    }
    Ok(key)
}
