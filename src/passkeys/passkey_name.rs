//! The names that owners give to their passkeys.

use crate::input::{FieldError, Invalid, person_name};

/// The maximum length of a name in characters.
const MAX_LENGTH: usize = 64;

/// Parses a name. Returns `None` if it is blank.
pub(super) fn passkey_name(text: &str) -> Result<Option<String>, FieldError> {
    let parsed = person_name(text).and_then(|name| match name {
        Some(name) if name.chars().count() > MAX_LENGTH => Err(Invalid::too_long(
            MAX_LENGTH,
            format!("The name of a passkey can be at most {MAX_LENGTH} characters long."),
        )),
        name => Ok(name),
    });
    parsed.map_err(|wrong| wrong.at("name"))
}
