//! How far the server trusts each provider's statements about email addresses.

use super::claims::Claims;
use crate::{config::ProviderKind, input::EmailAddress};

/// Returns whether the provider says that it verified the address at some point, or `None` if the provider does not say. If
/// the provider says that it did not, the account is refused.
pub(super) fn is_verified(kind: ProviderKind, claims: &Claims) -> Option<bool> {
    match (kind, &claims.xms_edov) {
        // An administrator of a tenant can give an account any address, so Microsoft's word is never enough, and the owner has to
        // prove the address here. `xms_edov` says whether the domain belongs to the tenant. Apps must ask for this claim:
        // https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
        (ProviderKind::Microsoft, None) => None,
        (ProviderKind::Microsoft, Some(is)) => Some(*is == true || *is == 1 || *is == "1" || *is == "true"),
        // some endpoints of Google and Apple return a string
        _ => Some(claims.email_verified.as_ref().is_some_and(|is| *is == true || *is == "true")),
    }
}

/// Returns whether the provider decides who has this address now. Only Google does, and only for
/// some addresses.
pub(super) fn is_decided(kind: ProviderKind, claims: &Claims, email: &EmailAddress) -> bool {
    kind == ProviderKind::Google && google_decides(email, claims.hd.as_deref())
}

/// Returns whether Google decides who has this address now. It does so for addresses at gmail.com and in the domain of
/// the organization for which it hosts the account.
fn google_decides(email: &EmailAddress, hd: Option<&str>) -> bool {
    // https://developers.google.com/identity/gsi/web/guides/verify-google-id-token: the address may have passed to another
    // person since Google verified it, unless Google hosts it. `hd` is the domain of the account's organization. An account of
    // an organization may still have an address in another domain.
    let mut googles = ["gmail.com", "googlemail.com"].into_iter().chain(hd);
    googles.any(|domain| email.is_at(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn google_is_authoritative_for_its_own_addresses_and_those_that_it_hosts() {
        for (email, hd, expected) in [
            ("ada@gmail.com", None, true),
            ("Ada@GMAIL.com", None, true),
            ("ada@example.org", Some("example.org"), true),
            ("ada@googlemail.com", None, true),
            ("ada@example.org", Some("EXAMPLE.org"), true),
            ("ada@bücher.example", Some("xn--bcher-kva.example"), true),
            ("ada@xn--bcher-kva.example", Some("Bücher.example"), true),
            ("ada@example.org", Some(""), false),
            ("ada@example.org", Some("evil.example"), false),
            ("ada@example.org", Some("sub.example.org"), false),
            ("ada@sub.example.org", Some("example.org"), false),
            ("ada@example.org", Some("gmail.com"), false),
            ("ada@example.org", Some("not a domain"), false),
            ("ada@example.org", None, false),
            ("ada@notgmail.com", None, false),
            ("ada@gmail.com.example.org", None, false),
        ] {
            let address = EmailAddress::parse(email).unwrap();
            assert_eq!(google_decides(&address, hd), expected, "{email} {hd:?}");
        }
    }
}
