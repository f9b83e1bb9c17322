//! Email addresses.

use std::borrow::Cow;

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use super::{FieldErrorCode, Wrong};

/// The longest address that mail can carry, in bytes (RFC 5321 §4.5.3.1, erratum 1690).
const MAX_BYTES: usize = 254;

/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// A well-formed email address: an ASCII local part, and a domain that may be international.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

impl EmailAddress {
    /// Reads an address as a person types it. Quoted local parts, comments and address literals are refused: no mailbox of
    /// today needs them, and parsers disagree on them, which is how one person's mail reaches another.
    ///
    /// # Errors
    /// If it is too long or not an address.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(Wrong::new(
                FieldErrorCode::TooLong,
                format!("An email address has at most {MAX_BYTES} bytes."),
            ));
        }
        let key = canonical(text).ok_or_else(|| {
            Wrong::new(FieldErrorCode::Malformed, "This is not an email address like ada@example.org.")
        })?;
        Ok(Self { text: text.to_owned(), key })
    }

    /// As it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What all spellings of the address have in common: lower case, the domain in ASCII.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the address is at this domain, however either is spelt.
    #[must_use]
    pub fn is_at(&self, domain: &str) -> bool {
        let own = self.key.split_once('@').map(|(_, domain)| domain);
        own.is_some() && canonical_domain(domain).as_deref() == own
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.split('@').next().unwrap_or_default()
    }
}

fn canonical(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if local.len() > MAX_LOCAL_BYTES || !local.split('.').all(is_atom) {
        return None;
    }
    let domain = canonical_domain(domain)?;
    let top = domain.rsplit('.').next()?;
    // a numeric top label is an address literal, not a name
    let is_name = domain.contains('.') && !top.bytes().all(|b| b.is_ascii_digit());
    let key = format!("{}@{domain}", local.to_ascii_lowercase());
    (is_name && key.len() <= MAX_BYTES).then_some(key)
}

/// The domain in ASCII and in lower case.
fn canonical_domain(domain: &str) -> Option<String> {
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()
        .map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_share_their_key() {
        for (text, key) in [
            ("ada@example.org", "ada@example.org"),
            ("  Ada.Lovelace+math@Example.ORG ", "ada.lovelace+math@example.org"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
            ("ada@ｅxample.org", "ada@example.org"),
        ] {
            let address = EmailAddress::parse(text).unwrap();
            assert_eq!((address.key(), address.as_str()), (key, text.trim()));
        }
    }

    #[test]
    fn an_address_is_at_its_own_domain_alone() {
        let address = EmailAddress::parse("ada@Bücher.example").unwrap();
        for domain in ["bücher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example", "XN--BCHER-KVA.Example"]
        {
            assert!(address.is_at(domain), "{domain}");
        }
        for domain in
            ["", "example", "cher.example", "bucher.example", "a.bücher.example", "ada@bücher.example"]
        {
            assert!(!address.is_at(domain), "{domain}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "ada@example.org.",
            "ada@.example.org",
            "ada@example..org",
            "ada@-example.org",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@exa mple.org",
            "ada lovelace@example.org",
            ".ada@example.org",
            "ada.@example.org",
            "a..da@example.org",
            "\"ada\"@example.org",
            "ada@example.org@example.org",
            "adа@example.org", // a Cyrillic а
            "ſam@example.org", // a long s
            "ada＠example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada\0@example.org",
            &long_local,
        ] {
            assert_eq!(
                EmailAddress::parse(text).unwrap_err().at("email").code,
                FieldErrorCode::Malformed,
                "{text:?}"
            );
        }
        let domain = |last: usize| format!("{0}.{0}.{1}.org", "b".repeat(61), "b".repeat(last));
        assert!(EmailAddress::parse(&format!("{}@{}", "a".repeat(64), domain(61))).is_ok(), "254 bytes");
        let long = format!("{}@{}", "a".repeat(64), domain(62));
        assert_eq!(EmailAddress::parse(&long).unwrap_err().at("email").code, FieldErrorCode::TooLong);
    }
}
