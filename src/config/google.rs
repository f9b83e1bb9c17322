//! The settings of Google sign-in.

use secrecy::SecretString;
use url::Url;

use super::{
    Mode,
    reader::Reader,
    values::{is_loopback, list},
};

/// Who we are to Google, and where Google is.
#[derive(Clone, Debug)]
pub struct GoogleConfig {
    /// `GOOGLE_CLIENT_ID`: whom tokens must be issued to.
    pub client_id: String,
    /// `GOOGLE_CLIENT_SECRET`: what an authorization code is traded with. None: codes are not taken.
    pub client_secret: Option<SecretString>,
    /// `GOOGLE_REDIRECT_URIS`: where Google may send people back to, letter by letter; the first where none is asked for.
    pub redirect_uris: Vec<String>,
    /// `GOOGLE_DISCOVERY_URL`: where Google says where its other endpoints are (OpenID Connect Discovery §4).
    pub discovery_url: Url,
    /// `GOOGLE_TOKENINFO_URL`: where Google says whom an access token was issued to.
    pub tokeninfo_url: Url,
}

impl GoogleConfig {
    /// None where Google sign-in is off.
    pub(super) fn read(r: &mut Reader<'_>, default_redirect_uris: &str) -> Option<Self> {
        let mode = r.mode;
        let client_id = r.read("GOOGLE_CLIENT_ID", "", client_id);
        let client_secret = r.read("GOOGLE_CLIENT_SECRET", "", |s| Ok(SecretString::from(s)));
        let client_secret = Some(client_secret).filter(|_| r.is_given("GOOGLE_CLIENT_SECRET"));
        // in development our own pages try it out
        let is_tried = mode == Mode::Dev && client_secret.is_some();
        let redirect_uris = if is_tried { default_redirect_uris } else { "" };
        let redirect_uris =
            r.read("GOOGLE_REDIRECT_URIS", redirect_uris, |s| list(s, |uri| redirect_uri(uri, mode)));
        let discovery = "https://accounts.google.com/.well-known/openid-configuration";
        let discovery_url = r.read("GOOGLE_DISCOVERY_URL", discovery, endpoint);
        let tokeninfo = "https://oauth2.googleapis.com/tokeninfo";
        let tokeninfo_url = r.read("GOOGLE_TOKENINFO_URL", tokeninfo, endpoint);
        r.check(
            client_id.is_some() || client_secret.is_none(),
            "GOOGLE_CLIENT_SECRET is of no use without GOOGLE_CLIENT_ID",
        );
        r.check(
            client_secret.is_some() || redirect_uris.is_empty(),
            "GOOGLE_REDIRECT_URIS is of no use without GOOGLE_CLIENT_SECRET",
        );
        Some(Self { client_id: client_id?, client_secret, redirect_uris, discovery_url, tokeninfo_url })
    }
}

fn client_id(s: &str) -> Result<Option<String>, String> {
    if s.len() > 255 || !s.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be a client id like 1234567890-abc.apps.googleusercontent.com".to_owned());
    }
    Ok((!s.is_empty()).then(|| s.to_owned()))
}

/// Compared letter by letter, so it is kept as it is written (RFC 9700 §4.1.3).
fn redirect_uri(s: &str, mode: Mode) -> Result<String, String> {
    let is_good = |url: &Url| {
        let is_safe =
            url.scheme() == "https" || mode != Mode::Serve || is_loopback(url.host_str().unwrap_or_default());
        url.has_host() && ["http", "https"].contains(&url.scheme()) && url.fragment().is_none() && is_safe
    };
    match Url::parse(s) {
        Ok(url) if is_good(&url) => Ok(s.to_owned()),
        _ => Err(format!("holds `{s}`, which is not an address like https://app.example.org/signed-in")),
    }
}

/// Unencrypted on this machine alone: what Google says is believed.
fn endpoint(s: &str) -> Result<Url, String> {
    let is_good = |url: &Url| {
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url.host_str().unwrap_or_default()))
    };
    Url::parse(s)
        .ok()
        .filter(is_good)
        .ok_or_else(|| "must be an address that begins with https://".to_owned())
}
