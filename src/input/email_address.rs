//! Email addresses.

use std::borrow::Cow;

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use super::{
    field_error::{FieldErrorCode, Invalid},
    invisible::{is_invisible, trim},
};

/// The maximum length of an address in bytes (RFC 5321 §4.5.3.1, erratum 1690).
const MAX_BYTES: usize = 254;

/// The maximum length of a local part in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// A valid email address, with an ASCII local part and a domain that may be international.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

impl EmailAddress {
    /// Parses an address that a person typed or pasted. Invisible characters are removed from its ends and its domain,
    /// and rejected in its local part. Quoted local parts, comments and address literals are rejected. No mailbox needs
    /// them today, and because parsers disagree about them, one person's email could reach somebody else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = trim(text);
        if text.len() > MAX_BYTES {
            return Err(Invalid::too_long(
                MAX_BYTES,
                format!("An email address can be at most {MAX_BYTES} bytes long."),
            ));
        }
        Self::read(text).ok_or_else(|| {
            Invalid::new(
                FieldErrorCode::Malformed,
                "This is not a valid email address. Example: ada@example.org.",
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        if local.len() > MAX_LOCAL_BYTES || !local.split('.').all(is_atom) {
            return None;
        }
        let ascii = ascii_domain(domain)?;
        let top = ascii.rsplit('.').next()?;
        // a domain whose last label is a number is an IP address, not a name
        let is_name = ascii.contains('.') && !top.bytes().all(|b| b.is_ascii_digit());
        // a domain that was not typed in plain ASCII is stored in its canonical form, so that it contains nothing invisible
        let shown = if domain.eq_ignore_ascii_case(&ascii) && !ascii.contains("xn--") {
            domain.to_owned()
        } else {
            unicode_domain(&ascii)
        };
        let address =
            Self { text: format!("{local}@{shown}"), key: format!("{}@{ascii}", local.to_ascii_lowercase()) };
        // the stored text must parse again, so both forms must fit
        let fits = address.key.len() <= MAX_BYTES && address.text.len() <= MAX_BYTES;
        (is_name && fits).then_some(address)
    }

    /// Returns the address as it was typed, without invisible characters. An international domain is in lower-case Unicode.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the form that all spellings of the address share: in lower case, with the domain in ASCII.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns whether the address is at this domain, regardless of how the two domains are spelled.
    #[must_use]
    pub fn is_at(&self, domain: &str) -> bool {
        let own = self.key.split_once('@').map(|(_, domain)| domain);
        own.is_some() && ascii_domain(domain).as_deref() == own
    }

    /// Returns the part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.split('@').next().unwrap_or_default()
    }
}

/// Returns a domain in lower-case ASCII. The zero-width joiner and non-joiner are left to UTS #46, which defines where they are
/// significant.
fn ascii_domain(domain: &str) -> Option<String> {
    let is_kept = |c: &char| c.is_control() || !is_invisible(*c) || matches!(c, '\u{200c}' | '\u{200d}');
    let domain: String = domain.chars().filter(is_kept).collect();
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()
        .map(Cow::into_owned)
}

/// Returns the Unicode form of an ASCII domain.
fn unicode_domain(ascii: &str) -> String {
    Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_share_their_key() {
        let (plain, bücher) = ("ada@example.org", "ada@xn--bcher-kva.example");
        for (text, shown, key) in [
            (plain, plain, plain),
            ("  Ada@Example.ORG ", "Ada@Example.ORG", plain),
            ("\u{feff}ada@example.org\u{200b}", plain, plain),
            ("\u{202a}ada@example.org\u{202c}\u{a0}", plain, plain),
            ("ada@exam\u{200b}ple.org", plain, plain),
            ("ada@\u{ad}exam\u{2060}ple\u{fe0f}.\u{feff}org", plain, plain),
            ("ada@exam\u{2800}ple.o\u{3164}rg\u{115f}", plain, plain),
            ("ada@exam\u{200e}ple\u{e0061}.org", plain, plain),
            ("ada@ｅxample.org", plain, plain),
            ("ada@example。org", plain, plain),
            ("ada@bücher.example", "ada@bücher.example", bücher),
            ("ada@BU\u{308}CHER.example", "ada@bücher.example", bücher),
            ("ada@XN--BCHER-KVA.example", "ada@bücher.example", bücher),
            ("ada@bü\u{200b}cher.example", "ada@bücher.example", bücher),
            ("ada@نامه\u{200c}ای.com", "ada@نامه\u{200c}ای.com", "ada@xn--mgba3gch31f060k.com"),
        ] {
            let address = EmailAddress::parse(text).expect(text);
            assert_eq!((address.as_str(), address.key()), (shown, key), "{text:?}");
            assert_eq!(EmailAddress::parse(shown), Ok(address), "it is read as it was written");
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
            "a\u{200b}da@example.org",
            "ada@exam\u{200c}ple.org", // a joiner that joins nothing
            "ſam@example.org",         // a long s
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
