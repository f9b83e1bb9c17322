//! Emailed codes.

use secrecy::{ExposeSecret, SecretString};

use super::invisible::is_blank;

/// The maximum length of a text that is parsed, in bytes.
const MAX_BYTES: usize = 256;

/// The zero of each script with ten consecutive decimal digits (Unicode 16, `Nd`).
const ZEROS: [u32; 76] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40,
    0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da,
    0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0,
    0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e5f1, 0x1e950, 0x1fbf0,
];

/// A code of the right length, in ASCII digits.
#[derive(Clone, Debug)]
pub struct OneTimeCode(SecretString);

impl OneTimeCode {
    /// Parses a code in the digits of any script, ignoring blanks, hyphens and invisible characters. Returns `None` if
    /// the text cannot be a code with this many digits. Such a text does not use up an attempt.
    #[must_use]
    pub fn parse(text: &SecretString, digits: u8) -> Option<Self> {
        let text = text.expose_secret();
        let is_kept = |c: &char| !is_blank(*c) && !is_hyphen(*c);
        let code: Option<String> =
            (text.len() <= MAX_BYTES).then(|| text.chars().filter(is_kept).map(ascii_digit).collect())?;
        code.filter(|code| code.len() == usize::from(digits)).map(|code| Self(code.into()))
    }

    /// Returns the digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn ascii_digit(c: char) -> Option<char> {
    let c = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= c)].last()?;
    char::from_digit(c - zero, 10)
}

/// Returns whether a character is a hyphen, a dash or a minus sign, which word processors substitute for each other.
pub(super) fn is_hyphen(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{58a}' | '\u{2010}'
            ..='\u{2015}' | '\u{2043}' | '\u{207b}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_in_any_digits_and_nothing_else_is_one() {
        for text in [
            "12345678",
            " 1234 5678\n",
            "1234-5678-",
            "1234\u{2011}5678",
            "1234\u{a0}5678",
            "\u{202a}12345678\u{202c}",
            "1\u{200b}2\u{feff}3\u{ad}4\u{2060}5678",
            "١٢٣٤٥٦٧٨",
            "۱۲۳۴۵۶۷۸",
            "१२३४५६७८",
            "１２３４５６７８",
            "১২৩৪৫৬৭৮",
            "๑๒๓๔๕๖๗๘",
            "𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
            "12३४٥٦78",
        ] {
            let code = OneTimeCode::parse(&text.into(), 8).expect(text);
            assert_eq!(code.expose(), "12345678", "{text:?}");
        }
        for text in ["", "1234567", "123456789", "1234567a", "1234567²", "一二三四五六七八", "12345678!"]
        {
            assert!(OneTimeCode::parse(&text.into(), 8).is_none(), "{text:?}");
        }
        assert!(OneTimeCode::parse(&format!("12345678{}", " ".repeat(250)).into(), 8).is_none());
    }
}
