//! The forms that settings are written in. Each error is the end of a sentence that begins with the setting's name.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use tokio_rustls::rustls::pki_types::{
    PrivateKeyDer,
    pem::{self, PemObject},
};
use url::Url;

use super::{Budget, Claim, EmailVerification, JwtAlgorithm, Mode};
use crate::input::Username;

#[expect(clippy::unnecessary_wraps, reason = "it stands where parsers stand")]
pub(super) fn text(s: &str) -> Result<String, String> {
    Ok(s.to_owned())
}

/// How something or somebody is called in mails.
pub(super) fn mail_name(s: &str) -> Result<String, String> {
    let is_good = (1..=64).contains(&s.chars().count()) && !s.chars().any(char::is_control);
    is_good.then(|| s.to_owned()).ok_or_else(|| "must be 1 to 64 characters in one line".to_owned())
}

pub(super) fn within<T: FromStr + PartialOrd + Display>(
    s: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    s.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
}

pub(super) fn duration(s: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(s).map_err(|_| "must be a duration like `30m` or `24h`".to_owned())?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let [least, most] = [range.start(), range.end()].map(|end| humantime::format_duration(*end));
    Err(format!("must be from {least} to {most}"))
}

/// `10/15m`: ten times in fifteen minutes.
pub(super) fn budget(s: &str) -> Result<Budget, String> {
    let malformed = || "must be a count and a period, like `10/15m`".to_owned();
    let (count, period) = s.split_once('/').ok_or_else(malformed)?;
    let count = within(count.trim(), 1..=100_000)?;
    let period = duration(period.trim(), Duration::from_secs(1)..=Duration::from_hours(30 * 24))?;
    if u128::from(count) > period.as_millis() {
        return Err("must be 1000 a second at most".to_owned());
    }
    Ok(Budget { count, period })
}

pub(super) fn switch(s: &str) -> Result<bool, String> {
    one_of(s, &[("on", true), ("off", false), ("true", true), ("false", false)])
}

pub(super) fn one_of<T: Copy>(s: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(s)).map(|(_, value)| *value).ok_or_else(|| {
        format!("must be one of {}", choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
    })
}

pub(super) fn list<T>(s: &str, item: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    s.split(',').map(str::trim).filter(|text| !text.is_empty()).map(item).collect()
}

pub(super) fn public_url(s: &str, mode: Mode) -> Result<Url, String> {
    let url = Url::parse(s).map_err(|e| format!("must be a URL: {e}"))?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        _ if host.is_empty()
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty() =>
        {
            Err("must be an address like https://accounts.example.org".to_owned())
        }
        "https" => Ok(url),
        "http" if mode != Mode::Serve || is_loopback(host) => Ok(url),
        "http" => Err("must begin with https:// (RFC 8414 asks it of an issuer)".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The names that are right without being listed.
pub(super) fn own_hosts(mode: Mode, host: &str, public_url: &Url) -> Vec<String> {
    let mut hosts = vec![public_url.host_str().unwrap_or_default().to_ascii_lowercase()];
    if mode != Mode::Serve {
        hosts.extend(["localhost", "127.0.0.1", "[::1]", &in_url(host)].map(str::to_ascii_lowercase));
    }
    let mut seen = Vec::new();
    hosts.retain(|host| {
        !seen.contains(host) && {
            seen.push(host.clone());
            true
        }
    });
    hosts
}

pub(super) fn listen_host(s: &str) -> Result<String, String> {
    host_name(&in_url(s)).map(|_| s.to_owned()).map_err(|_| "must be an address or a host name".to_owned())
}

/// None where there is no text.
pub(super) fn socket_addr(s: &str) -> Result<Option<SocketAddr>, String> {
    let parse =
        |s: &str| s.parse().map_err(|_| "must be an address and a port, like 127.0.0.1:9090".to_owned());
    (!s.is_empty()).then(|| parse(s)).transpose()
}

/// A host as a URL writes it: IPv6 in brackets.
pub(super) fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

pub(super) fn host_name(s: &str) -> Result<String, String> {
    let url = Url::parse(&format!("http://{s}/"))
        .ok()
        .filter(|url| url.path() == "/" && url.port().is_none() && !s.contains('*'));
    url.and_then(|url| url.host_str().map(str::to_owned))
        .ok_or_else(|| format!("holds `{s}`, which is not a host name"))
}

pub(super) fn jwt_issuer(s: &str) -> Result<String, String> {
    match Url::parse(s) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.query().is_none() => Ok(s.to_owned()),
        _ => Err("must be a URL like https://accounts.example.org (RFC 8414)".to_owned()),
    }
}

pub(super) fn jwt_algorithm(s: &str) -> Result<JwtAlgorithm, String> {
    let all =
        [("EdDSA", JwtAlgorithm::EdDsa), ("ES256", JwtAlgorithm::Es256), ("RS256", JwtAlgorithm::Rs256)];
    one_of(s, &all)
}

/// A file with a private key in PEM: PKCS#8 or PKCS#1.
pub(super) fn rsa_key_file(path: &str) -> Result<Arc<PrivateKeyDer<'static>>, String> {
    // what else the file holds is not repeated: it may be a secret
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::Io(error) => format!("names {path}, which cannot be read: {error}"),
        _ => format!("names {path}, which holds no private key in PEM"),
    })?;
    Ok(Arc::new(key))
}

/// An origin as browsers send it, of any scheme: `https://app.example.org`, `capacitor://localhost`. A star in place of the first
/// labels stands for one label or more: `https://*.example.org`.
pub(super) fn origin(s: &str) -> Result<String, String> {
    let example = "an origin like https://app.example.org";
    match s {
        "*" => return Err(format!("holds `*`: name each origin, or all of a domain by {EVERY_ORIGIN_OF}")),
        "null" => return Err(format!("holds `null`, which pages of anybody's can send; name {example}")),
        // it may be a password
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
    // the default port is none to browsers, and is none here
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

/// How to allow every origin of a domain.
const EVERY_ORIGIN_OF: &str = "https://*.example.org";

pub(super) fn network(s: &str) -> Result<IpNet, String> {
    s.parse()
        .or_else(|_| s.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("holds `{s}`, which is not a network"))
}

/// The key of a username.
pub(super) fn reserved_username(s: &str) -> Result<String, String> {
    Username::parse(s).map(|name| name.key()).map_err(|_| format!("holds `{s}`, which is not a username"))
}

pub(super) fn claim(s: &str) -> Result<Claim, String> {
    one_of(
        s,
        &[
            ("email", Claim::Email),
            ("email_verified", Claim::EmailVerified),
            ("preferred_username", Claim::PreferredUsername),
            ("name", Claim::Name),
            ("given_name", Claim::GivenName),
            ("family_name", Claim::FamilyName),
            ("picture", Claim::Picture),
            ("role", Claim::Role),
            ("bio", Claim::Bio),
        ],
    )
    .map_err(|choices| format!("holds `{s}`; each {choices}"))
}

pub(super) fn email_verification(s: &str) -> Result<EmailVerification, String> {
    one_of(
        s,
        &[
            ("none", EmailVerification::None),
            ("optional", EmailVerification::Optional),
            ("mandatory", EmailVerification::Mandatory),
        ],
    )
}

/// The address of a page that people are led to.
pub(super) fn page_address(s: &str, mode: Mode) -> Result<Option<String>, String> {
    if s.is_empty() {
        return Ok(None);
    }
    let example = || "must be an address like https://app.example.org".to_owned();
    let url = Url::parse(s).map_err(|_| example())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(example)?;
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err(example()),
        "https" => Ok(Some(url.into())),
        "http" if mode != Mode::Serve || is_loopback(host) => Ok(Some(url.into())),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// An address with a place for a token: `https://app.example.org/activate#{token}`.
pub(super) fn link_template(s: &str, mode: Mode) -> Result<Option<String>, String> {
    if s.is_empty() {
        return Ok(None);
    }
    let example = "must be an address with {token} in it, like https://app.example.org/activate#{token}";
    let url = Url::parse(&s.replace("{token}", "token")).map_err(|_| example.to_owned())?;
    let is_safe =
        url.scheme() == "https" || mode != Mode::Serve || is_loopback(url.host_str().unwrap_or_default());
    match s.matches("{token}").count() {
        1 if url.has_host() && is_safe => Ok(Some(s.to_owned())),
        1 if url.has_host() => Err("must begin with https://".to_owned()),
        _ => Err(example.to_owned()),
    }
}
