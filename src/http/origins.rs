//! The web origins that may call the API or use cookie mode.

use poem::http::{HeaderMap, header};
use url::Url;

use crate::config::{Config, Mode};

/// The origins whose scripts may call the API: `ALLOWED_ORIGINS` and, in development, all origins on this machine.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    allowed: Vec<String>,
    is_dev: bool,
}

impl Origins {
    pub(super) fn new(config: &Config) -> Self {
        Self { allowed: config.server.allowed_origins.clone(), is_dev: config.mode == Mode::Dev }
    }

    pub(super) fn allow(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| is_of(origin, allowed)) || (self.is_dev && is_local(origin))
    }

    /// Returns whether the request comes from an allowed origin on the server's own site, according to `Origin` and, if
    /// present, `Sec-Fetch-Site`. Browsers send `Origin` with every POST. A client that does not send it is not a
    /// browser, or hides its origin.
    pub(super) fn are_of_this_site(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let site = text("sec-fetch-site");
        headers.get_all(header::ORIGIN).iter().count() == 1
            && text(header::ORIGIN.as_str()).is_some_and(|origin| self.allow(origin))
            && site.is_none_or(|site| ["same-origin", "same-site"].contains(&site))
    }

    /// Returns advice if the page has an allowed origin, but the browser treats the page and this server as different
    /// sites.
    pub(super) fn two_sites(&self, headers: &HeaderMap) -> Option<String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let origin = text(header::ORIGIN.as_str()).filter(|origin| self.allow(origin))?;
        text("sec-fetch-site").filter(|site| !["same-origin", "same-site"].contains(site))?;
        let host = text(header::HOST.as_str())?;
        let told = format!(
            "Browsers treat {origin} and {host} as different sites, and cookie mode works only within one site"
        );
        let (mut page, server) = (Url::parse(origin).ok()?, Url::parse(&format!("http://{host}")).ok()?);
        let (page_host, server_host) = (page.host_str()?.to_owned(), server.host_str()?.to_owned());
        let are_here = is_this_machine(&page_host) && is_this_machine(&server_host);
        if !are_here || page_host == server_host || page.set_host(Some(&server_host)).is_err() {
            return Some(format!("{told}. Use the same domain and scheme for both."));
        }
        let page = page.origin().ascii_serialization();
        let port = server.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{told}. Open the page at {page}, or make it call http://{page_host}{port}/graphql."))
    }
}

/// Returns whether an origin matches an allowed origin. `https://*.example.org` matches every host name under
/// `example.org`.
fn is_of(origin: &str, allowed: &str) -> bool {
    let Some((scheme, domain)) = allowed.split_once("*.") else {
        return origin.eq_ignore_ascii_case(allowed);
    };
    let origin = origin.to_ascii_lowercase();
    let labels = origin.strip_prefix(scheme).and_then(|rest| rest.strip_suffix(domain)?.strip_suffix('.'));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    labels.is_some_and(|labels| labels.split('.').all(is_label))
}

/// Returns whether an origin is on this machine, on any port. The origin must be written as browsers write it.
fn is_local(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        ["http", "https"].contains(&url.scheme())
            && is_this_machine(host)
            && url.origin().ascii_serialization() == origin
    })
}

/// Returns whether browsers resolve the host to this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host) || host.ends_with(".localhost")
}
