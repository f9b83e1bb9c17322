//! Web origins and patterns for them.

use std::net::IpAddr;

use url::Url;

/// Parses an origin as browsers send it, of any scheme: `https://app.example.org`, `capacitor://localhost`. A star in
/// place of the first labels matches one or more labels: `https://*.example.org`.
pub(super) fn origin(s: &str) -> Result<String, String> {
    let example = "an origin like https://app.example.org";
    match s {
        "*" => return Err(format!("holds `*`: name each origin, or all of a domain by {EVERY_ORIGIN_OF}")),
        "null" => return Err(format!("holds `null`, which pages of anybody's can send; name {example}")),
        // the error must not repeat a possible password
        _ if s.contains('@') => {
            return Err(format!("holds a user or a password, which no origin has; name {example}"));
        }
        _ => {}
    }
    let no_origin = || format!("holds `{s}`, which is not {example}");
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
            "holds `{s}`: a star stands for the first labels of a domain alone, as in {EVERY_ORIGIN_OF}"
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
            ("*", "holds `*`: name each origin, or all of a domain by https://*.example.org"),
            (
                "null",
                "holds `null`, which pages of anybody's can send; name an origin like https://app.example.org",
            ),
            (
                "app.example.org",
                "holds `app.example.org`, which is not an origin like https://app.example.org",
            ),
            ("localhost:5173", "holds `localhost:5173`, which is not an origin like https://app.example.org"),
            ("https://app.example.org/x", "holds `https://app.example.org/x`, which is not an origin like"),
            ("https://", "holds `https://`, which is not an origin like"),
            ("https://ada:hush@app.example.org", "holds a user or a password, which no origin has"),
            ("https://*", "holds `https://*`: a star stands for the first labels of a domain alone"),
            ("https://*.org", "holds `https://*.org`: a star stands for"),
            ("https://*.*.example.org", "a star stands for"),
            ("https://app-*.example.org", "a star stands for"),
            ("https://app.example.org:*", "a star stands for"),
            ("*://app.example.org", "a star stands for"),
            ("http://*.0.0.1", "a star stands for"),
            ("chrome-extension://*", "a star stands for"),
        ] {
            let variables = [("ALLOWED_ORIGINS", origins)].into_iter().collect();
            let error = Config::load(Mode::Dev, &variables).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hush"), "{origins}: {error}");
        }
    }
}
