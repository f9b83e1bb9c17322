//! The strength of new passwords.

use zxcvbn::{Score, zxcvbn};

/// The number of characters of a password that are checked. For malicious input, the time that `zxcvbn` takes grows
/// roughly with the cube of the length. It takes 700 ms for 128 characters, which would hold up every sign-in, but only
/// 45 ms for 32.
const JUDGED_CHARACTERS: usize = 32;

/// A password that is too easy to guess, with advice on a better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    /// Advice for the person who chose the password.
    pub advice: String,
}

/// Returns the highest cost of judging a password. `hash` is the cost of a hash. For malicious input, the time grows
/// with the cube of the length.
pub(super) fn cost(characters: usize, hash: u64) -> u64 {
    let judged = characters.min(JUDGED_CHARACTERS) as u64;
    4 * hash * judged.pow(3) / (JUDGED_CHARACTERS as u64).pow(3)
}

/// Checks the strength of a password. NIST SP 800-63B recommends a blocklist instead of composition rules.
/// `zxcvbn` knows 30,000 common passwords, words, names and dates, and the usual ways to vary them.
pub(super) fn judge(password: &str, personal: &[String]) -> Result<(), Weak> {
    let password: String = password.chars().take(JUDGED_CHARACTERS).collect();
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    let entropy = zxcvbn(&password, &personal);
    if entropy.score() >= Score::Two {
        return Ok(());
    }
    let mut advice: Vec<String> = Vec::new();
    if let Some(feedback) = entropy.feedback() {
        advice.extend(feedback.warning().map(|warning| warning.to_string()));
        advice.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    Err(Weak { advice: advice.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_personal_passwords_are_refused_with_advice() {
        for (password, personal) in [
            ("password1", ""),
            ("qwertyuiop", ""),
            ("11111111", ""),
            ("lovelace1815", "lovelace1815"),
            ("iloveyou123", ""),
        ] {
            let weak = judge(password, &[personal.to_owned()]).unwrap_err();
            assert!(!weak.advice.is_empty(), "{password}");
        }
        assert_eq!(judge("correct horse battery", &[]), Ok(()));
        assert_eq!(judge(&"żółw i zając ".repeat(10), &[]), Ok(()));
    }
}
