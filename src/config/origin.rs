//! Web origins and patterns for them.

use std::net::IpAddr;

use url::Url;

/// Parses an origin of any scheme, as browsers send it: `https://app.example.org`, `capacitor://localhost`. A star in
/// place of the first labels matches one or more labels: `https://*.example.org`.
pub(super) fn origin(s: &str) -> Result<String, String> {
    let example = "an origin like https://app.example.org";
    match s {
        "*" => {
            return Err(format!(
                "contains `*`: list each origin, or use {EVERY_ORIGIN_OF} for all origins of a domain"
            ));
        }
        "null" => return Err(format!("contains `null`, which any page can send; list {example}")),
        // the error must not repeat the value, which may contain a password
        _ if s.contains('@') => {
            return Err(format!("contains a user or a password, which no origin has; list {example}"));
        }
        _ => {}
    }
    let no_origin = || format!("contains `{s}`, which is not {example}");
    let (scheme, authority) = s.split_once("://").ok_or_else(no_origin)?;
    if let Some(domain) = authority.strip_prefix("*.").filter(|domain| !domain.contains('*')) {
        let whole = origin(&format!("{scheme}://{domain}"))?;
        let (scheme, domain) = whole.split_once("://").ok_or_else(no_origin)?;
        let is_web = ["http", "https"].contains(&scheme);
        let name = domain.split(':').next().unwrap_or_default();
        let has_labels = name == "localhost" || name.trim_end_matches('.').contains('.');
        if is_web && has_labels && name.parse::<IpAddr>().is_err() {
            return Ok(format!("{scheme}://*.{domain}"));
        }
    }
    if s.contains('*') {
        return Err(format!(
            "contains `{s}`: `*` can replace only the leading labels of a domain, as in {EVERY_ORIGIN_OF}"
        ));
    }
    let url = Url::parse(s).map_err(|_| no_origin())?;
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if authority.contains(['/', '?', '#', '\\']) || (host.is_empty() && url.scheme() != "file") {
        return Err(no_origin());
    }
    // browsers omit the default port
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// An example for error messages: a pattern that allows every origin of a domain.
const EVERY_ORIGIN_OF: &str = "https://*.example.org";

#[cfg(test)]
mod tests {
    use crate::config::{Config, Mode};

    #[test]
    fn an_origin_that_could_never_match_is_refused_in_a_sentence() {
        for (origins, told) in [
            ("*", "contains `*`: list each origin, or use https://*.example.org for all origins of a domain"),
            ("null", "contains `null`, which any page can send; list an origin like https://app.example.org"),
            (
                "app.example.org",
                "contains `app.example.org`, which is not an origin like https://app.example.org",
            ),
            (
                "localhost:5173",
                "contains `localhost:5173`, which is not an origin like https://app.example.org",
            ),
            (
                "https://app.example.org/x",
                "contains `https://app.example.org/x`, which is not an origin like",
            ),
            ("https://", "contains `https://`, which is not an origin like"),
            ("https://ada:hush@app.example.org", "contains a user or a password, which no origin has"),
            ("https://*", "contains `https://*`: `*` can replace only the leading labels of a domain"),
            ("https://*.org", "contains `https://*.org`: `*` can replace only"),
            ("https://*.*.example.org", "`*` can replace only"),
            ("https://app-*.example.org", "`*` can replace only"),
            ("https://app.example.org:*", "`*` can replace only"),
            ("*://app.example.org", "`*` can replace only"),
            ("http://*.0.0.1", "`*` can replace only"),
            ("chrome-extension://*", "`*` can replace only"),
        ] {
            let variables = [("ALLOWED_ORIGINS", origins)].into_iter().collect();
            let error = Config::load(Mode::Dev, &variables).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hush"), "{origins}: {error}");
        }
    }
}
