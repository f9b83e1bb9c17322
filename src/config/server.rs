//! The settings of the HTTP server.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use url::Url;

use super::{
    mode::Mode,
    origin::origin,
    reader::{DefaultValue, Reader},
    values::{MINUTE, duration, is_loopback, list, one_of, path, switch, within},
};

/// Where the server listens, and who may reach it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct ServerConfig {
    pub host: String,
    pub port: u16,
    /// The URL at which clients reach the server. Links are always built from this URL, never from a request.
    pub public_url: Url,
    /// The host names in lower case, without ports. They include the host of `public_url`.
    pub allowed_hosts: Vec<String>,
    /// The origins in the form that browsers send. They include the origin of `public_url`.
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpNet>,
    /// How long the server still accepts connections after SIGTERM.
    pub shutdown_delay: Duration,
    pub max_connections: u32,
    pub max_connections_per_address: u32,
    pub playground: bool,
    pub introspection: bool,
    /// The folder that contains the manifests of the trusted documents.
    pub trusted_documents: Option<PathBuf>,
    /// The value of the `Clear-Site-Data` header, if it is sent.
    pub clear_site_data: Option<String>,
}

impl ServerConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mode = r.mode;
        r.section("Server", "");
        let host = r.setting(
            "HOST",
            "127.0.0.1",
            "The address to listen on. `dev` requires `--expose` for any address that other machines can reach.",
            listen_host,
        );
        let port = r.setting("PORT", "8000", "The TCP port to listen on.", |s| within(s, 0..=u16::MAX));
        let public_url = r.setting(
            "PUBLIC_URL",
            DefaultValue::derived(
                format!("http://{}:{port}", in_url(&host)),
                "`http://HOST:PORT`",
            )
            .required_by_serve(),
            "Where clients reach the server. `serve` requires `https`, except on the same machine. If the URL has \
             a path, a proxy may keep or remove the path.",
            |s| public_url(s, mode),
        );
        let own_hosts = own_hosts(mode, &host, &public_url);
        let mut allowed_hosts = r.setting(
            "ALLOWED_HOSTS",
            DefaultValue::derived(
                own_hosts.join(","),
                "the host of `PUBLIC_URL`; without `serve`, also this machine's names",
            ),
            "Additional host names by which clients may address the server. Requests for other names get 421.",
            |s| list(s, host_name),
        );
        allowed_hosts.extend(own_hosts);
        let own_origin = public_url.origin().ascii_serialization();
        let mut allowed_origins = r.setting(
            "ALLOWED_ORIGINS",
            DefaultValue::derived(&own_origin, "the origin of `PUBLIC_URL`"),
            "Additional web origins, of any scheme (`capacitor://localhost`), whose scripts may call the API. The \
             star in `https://*.example.org` stands for one or more labels. `dev` also allows the http and https \
             origins of every port on this machine.",
            |s| list(s, origin),
        );
        allowed_origins.push(own_origin);
        let trusted_proxies = r.setting(
            "TRUSTED_PROXIES",
            "",
            "The networks of the proxies whose `X-Forwarded-For` is trusted. See [Behind a \
             proxy](operating.md#behind-a-proxy).",
            |s| list(s, network),
        );
        let shutdown_delay = r.setting(
            "SHUTDOWN_DELAY",
            DefaultValue::derived(if mode == Mode::Serve { "5s" } else { "0s" }, "`5s`; without `serve`, `0s`"),
            "How long the server still accepts connections after SIGTERM. Meanwhile, `/health/ready` returns 503, so \
             that load balancers stop sending requests. Another signal ends the wait. See \
             [Restarts](operating.md#restarts).",
            |s| duration(s, Duration::ZERO..=10 * MINUTE),
        );
        let max_connections = r.setting(
            "MAX_CONNECTIONS",
            "10000",
            "The maximum number of open connections. Further connections get 503.",
            |s| within(s, 1..=1_000_000),
        );
        let max_connections_per_address = r.setting(
            "MAX_CONNECTIONS_PER_ADDRESS",
            "256",
            "The maximum number of open connections from one address. Trusted proxies are exempt. Further connections get 429.",
            |s| within(s, 1..=1_000_000),
        );
        let playground = r.setting(
            "PLAYGROUND",
            DefaultValue::derived(on_unless(mode == Mode::Serve), "`on`; with `serve`, `off`"),
            "Whether the server offers the playground at `/`. The playground has only the rights of the person who \
             signs in there.",
            switch,
        );
        // without introspection, the playground has no autocompletion
        let introspects = playground || mode != Mode::Serve;
        let introspection = r.setting(
            "INTROSPECTION",
            DefaultValue::derived(on_unless(!introspects), "`on`; with `serve`, the value of `PLAYGROUND`"),
            "Whether clients may read the schema from the server. Without it, the playground has no autocompletion or \
             documentation.",
            switch,
        );
        Self {
            host,
            port,
            public_url,
            allowed_hosts,
            allowed_origins,
            trusted_proxies,
            shutdown_delay,
            max_connections,
            max_connections_per_address,
            playground,
            introspection,
            trusted_documents: trusted_documents(r),
            clear_site_data: clear_site_data(r),
        }
    }

    /// Returns `public_url` without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }

    /// Returns the URL of a path of this server, as clients see it.
    #[must_use]
    pub fn public_address(&self, path: &str) -> String {
        format!("{}{path}", self.base_url())
    }

    /// Returns whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

fn trusted_documents(r: &mut Reader<'_>) -> Option<PathBuf> {
    r.setting(
        "TRUSTED_DOCUMENTS",
        "",
        "A folder with manifests of GraphQL documents. If this is set, the server runs only the documents in \
         these manifests and those of the TypeScript client and the demo. See [Trusted \
         documents](rest.md#trusted-documents).",
        path,
    )
}

fn clear_site_data(r: &mut Reader<'_>) -> Option<String> {
    r.setting(
        "CLEAR_SITE_DATA",
        "",
        "The data of the server's origin that browsers delete when a response deletes the cookie of [cookie \
         mode](cookie-mode.md): `storage`, `cache` or both.",
        |s| list(s, site_data).map(|kinds| (!kinds.is_empty()).then(|| kinds.join(", "))),
    )
}

/// Parses a directive of `Clear-Site-Data`. Rejects `cookies`, because it would sign people out of all apps of the same
/// domain.
fn site_data(s: &str) -> Result<&'static str, String> {
    one_of(s, &[("storage", r#""storage""#), ("cache", r#""cache""#)])
}

fn on_unless(is_off: bool) -> &'static str {
    if is_off { "off" } else { "on" }
}

fn public_url(s: &str, mode: Mode) -> Result<Url, String> {
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
        "http" => Err("must begin with https:// (RFC 8414 requires it for issuers)".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// Returns the host names that are always allowed.
fn own_hosts(mode: Mode, host: &str, public_url: &Url) -> Vec<String> {
    let mut hosts = vec![public_url.host_str().unwrap_or_default().to_ascii_lowercase()];
    if mode != Mode::Serve {
        for host in ["localhost", "127.0.0.1", "[::1]", &in_url(host)].map(str::to_ascii_lowercase) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    hosts
}

fn listen_host(s: &str) -> Result<String, String> {
    host_name(&in_url(s)).map(|_| s.to_owned()).map_err(|_| "must be an address or a host name".to_owned())
}

/// Returns a host in the form used in URLs, with IPv6 addresses in brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn host_name(s: &str) -> Result<String, String> {
    let url = Url::parse(&format!("http://{s}/"))
        .ok()
        .filter(|url| url.path() == "/" && url.port().is_none() && !s.contains('*'));
    url.and_then(|url| url.host_str().map(str::to_owned))
        .ok_or_else(|| format!("contains `{s}`, which is not a host name"))
}

fn network(s: &str) -> Result<IpNet, String> {
    s.parse()
        .or_else(|_| s.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("contains `{s}`, which is not a network"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_reached_by_https() {
        for (url, good) in [
            ("https://accounts.example.org", true),
            ("https://example.org/accounts", true),
            ("http://localhost:8000", true),
            ("http://accounts.example.org", false),
            ("ftp://accounts.example.org", false),
            ("https://accounts.example.org?x=1", false),
            ("accounts.example.org", false),
        ] {
            assert_eq!(public_url(url, Mode::Serve).is_ok(), good, "{url}");
        }
    }
}
