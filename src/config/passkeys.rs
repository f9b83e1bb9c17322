//! The settings for passkeys.

use std::net::IpAddr;

use url::Url;

use super::{
    mode::Mode,
    origin::origin,
    reader::{DefaultValue, Reader},
    server::ServerConfig,
    values::{is_loopback, list, optional},
};
use crate::webauthn::RelyingParty;

/// The site to which passkeys belong, and its page for managing them.
#[derive(Clone, Debug)]
pub struct PasskeyConfig {
    /// The site. `None` if `PASSKEY_RP_ID` is `off` or, by default, if the server has no domain. Without a site, nobody
    /// can use passkeys.
    pub relying_party: Option<RelyingParty>,
    /// `PASSKEY_MANAGE_URL`.
    pub passkey_manage_url: Option<String>,
}

impl PasskeyConfig {
    pub(super) fn read(r: &mut Reader<'_>, server: &ServerConfig, name: &str) -> Self {
        let mode = r.mode;
        r.section(
            "Passkeys",
            "See [Passkeys](second-factors.md#passkeys). A passkey works only with the `PASSKEY_RP_ID` it was created for, so \
             do not change this setting later.",
        );
        let id = r.setting(
            "PASSKEY_RP_ID",
            DefaultValue::derived(
                own_id(server, mode),
                "the host of `PUBLIC_URL`, unless that is an IP address",
            ),
            "The domain that passkeys belong to: the domain of the pages where people sign in, or a parent domain \
             (`example.org` for `app.example.org`). `off` turns passkeys off.",
            rp_id,
        );
        let own = id.as_deref().map(|id| own_origins(server, id, mode)).unwrap_or_default();
        let mut origins = r.setting(
            "PASSKEY_ORIGINS",
            DefaultValue::derived(own.join(","), "the `ALLOWED_ORIGINS` within the domain"),
            "The web origins where passkeys work, and Android apps as `android:apk-key-hash:…`. Origins outside the domain \
             are allowed too, because the server lists them in `/.well-known/webauthn`.",
            |s| list(s, passkey_origin),
        );
        if mode != Mode::Serve && id.as_deref() == Some("localhost") {
            origins.extend(["http://localhost:*".to_owned(), "https://localhost:*".to_owned()]);
        }
        let passkey_manage_url = r.setting(
            "PASSKEY_MANAGE_URL",
            "",
            "The page of your app where people add and remove passkeys. Password managers find it through \
             `/.well-known/passkey-endpoints`.",
            |s| optional(s, |s| page(s, mode)),
        );
        let relying_party = id.map(|id| RelyingParty { id, name: name.to_owned(), origins });
        Self { relying_party, passkey_manage_url }
    }
}

/// Returns the default RP ID. Browsers do not accept an IP address as an RP ID, but accept `localhost` for this
/// machine.
fn own_id(server: &ServerConfig, mode: Mode) -> String {
    let host = server.public_url.host_str().unwrap_or_default();
    match host {
        _ if mode != Mode::Serve && is_loopback(host) => "localhost".to_owned(),
        _ => domain(host).unwrap_or_default(),
    }
}

/// Returns the allowed origins at which browsers accept passkeys of this domain.
fn own_origins(server: &ServerConfig, id: &str, mode: Mode) -> Vec<String> {
    let is_within = |origin: &String| {
        let host = Url::parse(origin).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        let is_secure = origin.starts_with("https://") || (mode != Mode::Serve && id == "localhost");
        let is_of = |host: &str| host == id || host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
        is_secure && !origin.contains('*') && host.as_deref().is_some_and(is_of)
    };
    let mut origins: Vec<String> =
        server.allowed_origins.iter().filter(|origin| is_within(origin)).cloned().collect();
    origins.sort();
    origins.dedup();
    origins
}

fn rp_id(s: &str) -> Result<Option<String>, String> {
    if s == "off" { Ok(None) } else { optional(s, domain) }
}

fn domain(s: &str) -> Result<String, String> {
    let no_domain = || format!("must be a domain like example.org, not `{s}`");
    let domain = idna::domain_to_ascii_strict(s).map_err(|_| no_domain())?;
    let is_address = domain.parse::<IpAddr>().is_ok();
    let is_domain = domain == "localhost" || (domain.contains('.') && !domain.ends_with('.'));
    if is_domain && !is_address { Ok(domain) } else { Err(no_domain()) }
}

fn passkey_origin(s: &str) -> Result<String, String> {
    match s {
        _ if s.starts_with("android:apk-key-hash:") => Ok(s.to_owned()),
        _ if s.contains('*') => Err(format!("contains `{s}`: list each origin")),
        _ => origin(s),
    }
}

fn page(s: &str, mode: Mode) -> Result<String, String> {
    match Url::parse(s) {
        Ok(url) if url.scheme() == "https" || (mode != Mode::Serve && url.scheme() == "http") => {
            Ok(s.to_owned())
        }
        _ => Err("must be a URL like https://app.example.org/passkeys".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Mode};
    use crate::webauthn::RelyingParty;

    fn load(settings: &[(&str, &str)]) -> Result<Option<RelyingParty>, String> {
        let loaded = Config::load(Mode::Command, &settings.iter().copied().collect());
        loaded.map(|config| config.passkeys.relying_party).map_err(|error| error.to_string())
    }

    #[test]
    fn the_domain_and_its_origins_follow_from_the_address() {
        let party = load(&[
            ("PUBLIC_URL", "https://accounts.example.org"),
            ("PASSKEY_RP_ID", "example.org"),
            (
                "ALLOWED_ORIGINS",
                "https://app.example.org,https://badexample.org,https://*.example.org,http://example.org",
            ),
        ]);
        let party = party.unwrap().unwrap();
        assert_eq!(party.id, "example.org");
        assert_eq!(party.origins, ["https://accounts.example.org", "https://app.example.org"]);
        let own = load(&[("PUBLIC_URL", "https://accounts.example.org")]).unwrap().unwrap();
        assert_eq!(
            (own.id.as_str(), own.origins),
            ("accounts.example.org", vec!["https://accounts.example.org".to_owned()])
        );
        for setting in [("PUBLIC_URL", "https://192.0.2.1"), ("PASSKEY_RP_ID", "off")] {
            assert_eq!(load(&[setting]), Ok(None), "{setting:?}");
        }
    }

    #[test]
    fn what_is_no_domain_or_origin_is_refused() {
        for (name, value) in [
            ("PASSKEY_RP_ID", "https://example.org"),
            ("PASSKEY_RP_ID", "192.0.2.1"),
            ("PASSKEY_RP_ID", "org"),
            ("PASSKEY_ORIGINS", "https://*.example.org"),
            ("PASSKEY_ORIGINS", "null"),
        ] {
            assert!(load(&[(name, value)]).unwrap_err().contains(name), "{name}={value}");
        }
    }
}
