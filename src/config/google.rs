//! The settings of Google sign-in.

use secrecy::SecretString;
use url::Url;

use super::{
    mode::Mode,
    reader::{DefaultValue, Reader},
    values::{is_loopback, list, optional},
};

/// The OAuth client that is registered with Google, and the addresses of Google.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, and `read` says what that means")]
pub struct GoogleConfig {
    /// Only tokens that Google issued to this client are accepted.
    pub client_id: String,
    /// `None` if the server does not accept authorization codes.
    pub client_secret: Option<SecretString>,
    /// The first one is used if a client names none.
    pub redirect_uris: Vec<String>,
    pub discovery_url: Url,
    pub tokeninfo_url: Url,
}

impl GoogleConfig {
    /// Reads the section. Returns `None` if Google sign-in is off.
    pub(super) fn read(r: &mut Reader<'_>, public_url: &str, port: u16) -> Option<Self> {
        let mode = r.mode;
        r.section("Google", "See [Google](sign-in-providers.md).");
        let client_id = r.setting(
            "GOOGLE_CLIENT_ID",
            "",
            "The ID of the client that you registered with Google. Without it, sign-in with Google is off.",
            |s| optional(s, client_id),
        );
        let name = "GOOGLE_CLIENT_SECRET";
        let client_secret =
            r.setting(name, "", "The secret of that client. Only authorization codes need it.", |s| {
                Ok(SecretString::from(s))
            });
        let client_secret = r.find(name).map(|_| client_secret);
        // in development the server's own pages can try out Google sign-in
        let is_tried = mode == Mode::Dev && client_secret.is_some();
        let redirect_uris = r.setting(
            "GOOGLE_REDIRECT_URIS",
            DefaultValue::derived(
                if is_tried { own_pages(public_url, port) } else { String::new() },
                "with `dev`, if the secret is given, the pages that use it, such as `/google` and `/undo`",
            ),
            "The addresses to which Google may send people back. They are compared letter by letter. `serve` requires `https`.",
            |s| list(s, |uri| redirect_uri(uri, mode)),
        );
        let discovery_url = r.setting(
            "GOOGLE_DISCOVERY_URL",
            "https://accounts.google.com/.well-known/openid-configuration",
            "Where Google lists its other endpoints (OpenID Connect Discovery §4).",
            endpoint,
        );
        let tokeninfo_url = r.setting(
            "GOOGLE_TOKENINFO_URL",
            "https://oauth2.googleapis.com/tokeninfo",
            "Where Google says which client an access token was issued to.",
            endpoint,
        );
        r.check(
            client_id.is_some() || client_secret.is_none(),
            "GOOGLE_CLIENT_SECRET has no effect without GOOGLE_CLIENT_ID",
        );
        r.check(
            client_secret.is_some() || redirect_uris.is_empty(),
            "GOOGLE_REDIRECT_URIS has no effect without GOOGLE_CLIENT_SECRET",
        );
        Some(Self { client_id: client_id?, client_secret, redirect_uris, discovery_url, tokeninfo_url })
    }
}

/// Returns the pages of development mode to which Google sends people back. They must be listed under every name of the
/// server, because a browser can finish a sign-in only under the name under which it started.
fn own_pages(public_url: &str, port: u16) -> String {
    let here = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
    let others = here.into_iter().filter(|address| address != public_url);
    let all = std::iter::once(public_url.to_owned()).chain(others);
    let pages = ["/google", "/", "/demo", "/undo"];
    all.flat_map(|address| pages.map(|page| format!("{address}{page}"))).collect::<Vec<_>>().join(",")
}

fn client_id(s: &str) -> Result<String, String> {
    if s.len() > 255 || !s.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be a client ID like 1234567890-abc.apps.googleusercontent.com".to_owned());
    }
    Ok(s.to_owned())
}

/// Checks an address and returns it unchanged, because it is compared character by character (RFC 9700 §4.1.3).
fn redirect_uri(s: &str, mode: Mode) -> Result<String, String> {
    let is_good = |url: &Url| {
        let is_safe =
            url.scheme() == "https" || mode != Mode::Serve || is_loopback(url.host_str().unwrap_or_default());
        url.has_host() && ["http", "https"].contains(&url.scheme()) && url.fragment().is_none() && is_safe
    };
    match Url::parse(s) {
        Ok(url) if is_good(&url) => Ok(s.to_owned()),
        _ => Err(format!("contains `{s}`, which is not an address like https://app.example.org/signed-in")),
    }
}

/// Parses an address of Google. It must use https unless it is on this machine, because its responses are trusted.
fn endpoint(s: &str) -> Result<Url, String> {
    let is_good = |url: &Url| {
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url.host_str().unwrap_or_default()))
    };
    Url::parse(s)
        .ok()
        .filter(is_good)
        .ok_or_else(|| "must be an address that begins with https://".to_owned())
}
