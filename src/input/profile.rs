//! What people say of themselves.

use unicode_normalization::UnicodeNormalization;
use url::Url;

use super::{
    FieldErrorCode, Invalid,
    invisible::{is_hostile, trim, trim_prose},
};

/// The most characters of a bio.
const MAX_BIO: usize = 500;

/// The most bytes of an address of a picture.
const MAX_URL_BYTES: usize = 2048;

/// Reads a bio: anything, in as many lines as one likes. Blank is none.
///
/// # Errors
/// If it is too long or has control characters.
pub fn bio(text: &str) -> Result<Option<String>, Invalid> {
    let too_long =
        || Invalid::new(FieldErrorCode::TooLong, format!("A bio has at most {MAX_BIO} characters."));
    if text.len() > MAX_BIO * 8 {
        return Err(too_long());
    }
    let bio: String = trim_prose(text).replace("\r\n", "\n").nfc().collect();
    if bio.chars().count() > MAX_BIO {
        return Err(too_long());
    }
    if bio.chars().any(|c| is_hostile(c) && c != '\n') {
        let message = "A bio has no control characters, nor such as change the direction of text.";
        return Err(Invalid::new(FieldErrorCode::Malformed, message));
    }
    Ok(Some(bio).filter(|bio| !bio.is_empty()))
}

/// Reads the address of a picture. It is https, so that no page that shows it becomes less safe. Blank is none.
///
/// # Errors
/// If it is no such address, or too long.
pub fn avatar_url(text: &str) -> Result<Option<String>, Invalid> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > MAX_URL_BYTES {
        let message = format!("The address of a picture has at most {MAX_URL_BYTES} bytes.");
        return Err(Invalid::new(FieldErrorCode::TooLong, message));
    }
    let is_plain = |url: &Url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
    };
    match Url::parse(text) {
        Ok(url) if is_plain(&url) && url.as_str().len() <= MAX_URL_BYTES => Ok(Some(url.into())),
        _ => {
            let message = "The address of a picture begins with https:// and has no password in it.";
            Err(Invalid::new(FieldErrorCode::Malformed, message))
        }
    }
}
