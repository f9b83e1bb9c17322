//! Usernames.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    field_error::{FieldErrorCode, Invalid},
    invisible::{is_invisible, trim},
};

/// The minimum length of a username in characters.
pub const USERNAME_MIN_LENGTH: usize = 3;
/// The maximum length of a username in characters.
pub const USERNAME_MAX_LENGTH: usize = 30;

/// A valid username, made of ASCII letters, digits and `_ . -`. It has no `@`, so no identifier is both an email address and a
/// username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Parses an optional username. Returns `None` if it is blank.
    pub fn parse_optional(text: &str) -> Result<Option<Self>, Invalid> {
        if trim(text).is_empty() { Ok(None) } else { Self::parse(text).map(Some) }
    }

    /// Parses a username as a person types it. Removes blanks at its ends, because phone keyboards append them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let trimmed = trim(text);
        let range =
            format!("A username must have {USERNAME_MIN_LENGTH} to {USERNAME_MAX_LENGTH} characters.");
        match trimmed.chars().count() {
            ..USERNAME_MIN_LENGTH => Err(Invalid::too_short(USERNAME_MIN_LENGTH, range)),
            USERNAME_MIN_LENGTH..=USERNAME_MAX_LENGTH => {
                let message = "A username can contain only the letters a to z, digits, and _ . -";
                let malformed =
                    || Invalid::new(FieldErrorCode::Malformed, message).suggesting(similar(trimmed));
                trimmed.chars().all(is_allowed).then(|| Self(trimmed.to_owned())).ok_or_else(malformed)
            }
            _ => Err(Invalid::too_long(USERNAME_MAX_LENGTH, range)),
        }
    }

    /// Returns the username with a number at its end, shortened if it would be too long.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let number = number.to_string();
        let kept = self.0.len().min(USERNAME_MAX_LENGTH.saturating_sub(number.len()));
        Self(format!("{}{number}", &self.0[..kept]))
    }

    /// Returns the username as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form that all spellings of the username share, in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// Returns a valid username that resembles the text. Accents are removed, each blank becomes `_`, and only the local
/// part of an email address is used. Returns `None` if letters would be lost.
fn similar(text: &str) -> Option<String> {
    let name = text.split('@').next().unwrap_or_default();
    let plain: String = name
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !is_invisible(*c))
        .map(|c| if c.is_whitespace() { '_' } else { c })
        .filter(|c| is_allowed(*c) || c.is_alphanumeric())
        .collect();
    // a name that passes this check is not malformed, so parsing it cannot call this function again
    if !plain.chars().all(is_allowed) {
        return None;
    }
    Username::parse(&plain).ok().map(|username| username.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_username_suggests_a_similar_one_if_no_letter_is_lost() {
        for (text, suggestion) in [
            ("ada lovelace", Some("ada_lovelace")),
            ("Zo\u{eb} B", Some("Zoe_B")),
            ("ada@example.org", Some("ada")),
            ("a\u{200b}da", Some("ada")),
            ("ada!", Some("ada")),
            ("adа", None), // a Cyrillic а
            ("a@b", None),
        ] {
            let wrong = Username::parse(text).unwrap_err().at("username");
            assert_eq!(wrong.suggestion.as_deref(), suggestion, "{text}");
        }
    }

    #[test]
    fn a_numbered_username_keeps_to_the_maximum_length() {
        assert_eq!(Username::parse("ada").unwrap().numbered(42).as_str(), "ada42");
        let long = "a".repeat(30);
        assert_eq!(Username::parse(&long).unwrap().numbered(42).as_str(), format!("{}42", &long[..28]));
    }

    #[test]
    fn usernames_are_3_to_30_of_a_few_characters() {
        assert_eq!(Username::parse("Ada_L.1-x").unwrap().key(), "ada_l.1-x");
        for spelling in
            ["ada", "ada ", "\tada\n", "\u{a0}ada\u{3000}", "\u{feff}ada\u{200b}", "\u{202a}ada\u{202c}"]
        {
            assert_eq!(Username::parse(spelling).unwrap().as_str(), "ada", "{spelling:?}");
        }
        for blank in ["", " ", "\u{200b}", "\u{a0}\u{2800}\u{3164}"] {
            assert_eq!(Username::parse_optional(blank), Ok(None), "{blank:?}");
        }
        assert!(Username::parse(&"a".repeat(30)).is_ok());
        for (text, code) in [
            ("ad", FieldErrorCode::TooShort),
            (&"a".repeat(31), FieldErrorCode::TooLong),
            ("ada@example.org", FieldErrorCode::Malformed),
            ("ada lovelace", FieldErrorCode::Malformed),
            ("adа", FieldErrorCode::Malformed), // a Cyrillic а
            ("ada\0", FieldErrorCode::Malformed),
            ("a\u{200b}da", FieldErrorCode::Malformed),
        ] {
            assert_eq!(Username::parse(text).unwrap_err().at("username").code, code, "{text:?}");
        }
    }
}
