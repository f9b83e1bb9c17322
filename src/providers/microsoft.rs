//! The part specific to Microsoft: a separate issuer for each tenant.

/// The placeholder for the tenant's ID. It occurs in the issuer that the discovery document for all tenants names.
const TENANT: &str = "{tenantid}";

/// Returns whether the discovery document at `own` may name this issuer. In place of the tenant's ID, `own` may contain
/// a word such as `common`.
pub(super) fn is_issuer_of(issuer: &str, own: &str) -> bool {
    let Some((before, after)) = issuer.split_once(TENANT) else { return issuer == own };
    let tenant = own.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
}

/// Returns the issuer that a token of the tenant `tid` must have.
pub(super) fn issuer_of(issuer: &str, tid: Option<&str>) -> Option<String> {
    if !issuer.contains(TENANT) {
        return Some(issuer.to_owned());
    }
    // must be a UUID, so that nothing else can be put into the URL
    let tid: uuid::Uuid = tid?.parse().ok()?;
    Some(issuer.replace(TENANT, &tid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_token_has_the_id_of_its_tenant() {
        let all = "https://login.microsoftonline.com/{tenantid}/v2.0";
        assert!(is_issuer_of(all, "https://login.microsoftonline.com/common/v2.0"));
        assert!(!is_issuer_of(all, "https://login.microsoftonline.com/v2.0"));
        assert!(!is_issuer_of(all, "https://login.microsoftonline.com/a/b/v2.0"));
        assert!(!is_issuer_of(all, "https://login.evil.example/common/v2.0"));
        let one = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
        assert!(is_issuer_of(one, one));
        assert_eq!(issuer_of(all, Some("9188040D-6c67-4c5b-b112-36a304b66dad")).as_deref(), Some(one));
        assert_eq!(issuer_of(one, None).as_deref(), Some(one));
        assert_eq!(issuer_of(all, None), None);
        assert_eq!(issuer_of(all, Some("evil.example/x")), None);
    }
}
