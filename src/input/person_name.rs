//! People's names.

use unicode_normalization::UnicodeNormalization;

use super::{
    field_error::{FieldErrorCode, Invalid},
    invisible::{is_hostile, trim_prose},
};

/// The maximum length of a name in characters.
const MAX_LENGTH: usize = 150;

/// Parses a name, which can be any single line of text. Returns `None` if it is blank.
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
            "A name cannot contain control characters or characters that change the text direction.",
        ));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

fn too_long() -> Invalid {
    Invalid::too_long(MAX_LENGTH, format!("A name can be at most {MAX_LENGTH} characters long."))
}
