//! Recovery codes.

use secrecy::{ExposeSecret, SecretString};

use super::{invisible::is_blank, one_time_code::is_hyphen};

/// The alphabet (Crockford's base 32), in which no two characters look alike.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number of letters and digits in a code. They represent 80 bits.
const LETTERS: usize = 16;

/// The maximum length of a text that is parsed, in bytes.
const MAX_BYTES: usize = 256;

/// A recovery code: 16 letters and digits.
#[derive(Clone, Debug)]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// Returns the code with these bits.
    #[must_use]
    pub fn new(bits: [u8; LETTERS * 5 / 8]) -> Self {
        let bits = bits.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let letter =
            |place| char::from(ALPHABET[usize::try_from(bits >> (5 * place) & 31).unwrap_or_default()]);
        Self((0..LETTERS).rev().map(letter).collect::<String>().into())
    }

    /// Parses a code. Case, blanks and hyphens are ignored, and so is the difference between letters and digits that look alike.
    /// Returns `None` if the text cannot be a code.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret();
        let is_kept = |c: &char| !is_blank(*c) && !is_hyphen(*c);
        let code: Option<String> =
            (text.len() <= MAX_BYTES).then(|| text.chars().filter(is_kept).map(letter).collect())?;
        code.filter(|code| code.len() == LETTERS).map(|code| Self(code.into()))
    }

    /// Returns the letters and digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the code as people see it: `XXXX-XXXX-XXXX-XXXX`.
    #[must_use]
    pub fn in_groups(&self) -> SecretString {
        let letters: Vec<char> = self.expose().chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-").into()
    }
}

/// Returns the letter or digit of the alphabet that a typed character stands for.
fn letter(typed: char) -> Option<char> {
    // some keyboards type full-width characters
    let typed = match u32::from(typed) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0)?,
        _ => typed,
    };
    let letter = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.contains(&u8::try_from(letter).ok()?).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for text in [
            "01AB-CDEF-GHJK-MNPQ",
            "01ABCDEFGHJKMNPQ",
            " 01ab cdef ghjk mnpq\n",
            "oiab-cdef-ghjk-mnpq",
            "OLAB\u{2011}CDEF\u{2013}GHJK\u{2212}MNPQ",
            "０１ＡＢ－ＣＤＥＦ－ＧＨＪＫ－ＭＮＰＱ",
        ] {
            let code = RecoveryCode::parse(&text.into()).expect(text);
            assert_eq!(code.in_groups().expose_secret(), "01AB-CDEF-GHJK-MNPQ", "{text:?}");
        }
        for text in
            ["", "01AB-CDEF-GHJK-MNP", "01AB-CDEF-GHJK-MNPQR", "U1AB-CDEF-GHJK-MNPQ", "é1AB-CDEF-GHJK-MNPQ"]
        {
            assert!(RecoveryCode::parse(&text.into()).is_none(), "{text:?}");
        }
        assert!(RecoveryCode::parse(&format!("01ABCDEFGHJKMNPQ{}", " ".repeat(250)).into()).is_none());
    }

    #[test]
    fn every_bit_of_a_new_code_shows() {
        for (bits, code) in [
            ([0xff; 10], "ZZZZ-ZZZZ-ZZZZ-ZZZZ"),
            ([0; 10], "0000-0000-0000-0000"),
            ([0, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf], "0123-4567-89AB-CDEF"),
        ] {
            assert_eq!(RecoveryCode::new(bits).in_groups().expose_secret(), code);
        }
    }
}
