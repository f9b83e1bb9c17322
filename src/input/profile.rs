//! Bios and avatar URLs.

use unicode_normalization::UnicodeNormalization;
use url::Url;

use super::{
    field_error::{FieldErrorCode, Invalid},
    invisible::{is_hostile, trim, trim_prose},
};

/// The maximum length of a bio in characters.
const MAX_BIO: usize = 500;

/// The maximum length of an avatar URL in bytes.
const MAX_URL_BYTES: usize = 2048;

/// Parses a bio, which can be any text of one or more lines. Returns `None` if it is blank.
pub fn bio(text: &str) -> Result<Option<String>, Invalid> {
    let too_long = || Invalid::too_long(MAX_BIO, format!("A bio can be at most {MAX_BIO} characters long."));
    if text.len() > MAX_BIO * 8 {
        return Err(too_long());
    }
    let bio: String = trim_prose(text).replace("\r\n", "\n").nfc().collect();
    if bio.chars().count() > MAX_BIO {
        return Err(too_long());
    }
    if bio.chars().any(|c| is_hostile(c) && c != '\n') {
        let message = "A bio cannot contain control characters or characters that change the text direction.";
        return Err(Invalid::new(FieldErrorCode::Malformed, message));
    }
    Ok(Some(bio).filter(|bio| !bio.is_empty()))
}

/// Parses an avatar URL. It must use `https`, so that no page becomes less secure by showing the picture. Returns `None` if it is
/// blank.
pub fn avatar_url(text: &str) -> Result<Option<String>, Invalid> {
    let trimmed = trim(text);
    if trimmed.is_empty() {
        return Ok(None);
    }
    if trimmed.len() > MAX_URL_BYTES {
        let message = format!("An avatar URL can be at most {MAX_URL_BYTES} bytes long.");
        return Err(Invalid::too_long(MAX_URL_BYTES, message));
    }
    let is_plain = |url: &Url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
    };
    match Url::parse(trimmed) {
        Ok(url) if is_plain(&url) && url.as_str().len() <= MAX_URL_BYTES => Ok(Some(url.into())),
        _ => {
            let message = "An avatar URL must begin with https:// and contain no username or password.";
            Err(Invalid::new(FieldErrorCode::Malformed, message))
        }
    }
}
