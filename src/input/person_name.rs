//! Names of people.

use unicode_normalization::UnicodeNormalization;

use super::{
    FieldErrorCode, Invalid,
    invisible::{is_hostile, trim_prose},
};

/// The most characters of a name.
const MAX_LENGTH: usize = 150;

/// Reads a name: anything in one line. Blank is none.
///
/// # Errors
/// If it is too long or has control characters.
pub fn person_name(text: &str) -> Result<Option<String>, Invalid> {
    if text.len() > MAX_LENGTH * 8 {
        return Err(too_long());
    }
    let name: String = trim_prose(text).nfc().collect();
    if name.chars().count() > MAX_LENGTH {
        return Err(too_long());
    }
    if name.chars().any(is_hostile) {
        return Err(Invalid::new(
            FieldErrorCode::Malformed,
            "A name has no control characters, nor such as change the direction of text.",
        ));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

fn too_long() -> Invalid {
    Invalid::new(FieldErrorCode::TooLong, format!("A name has at most {MAX_LENGTH} characters."))
}
