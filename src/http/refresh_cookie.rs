//! Cookie mode: a refresh token that scripts cannot read.
//!
//! The cookie authorizes only refreshing a session and signing out. It is read only from POST requests, and only if the
//! browser says that the request comes from an allowed origin on this site. Pages of other sites therefore cannot use
//! it.

use std::sync::Arc;

use poem::http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret;

use super::origins::Origins;
use crate::{
    config::Config,
    graphql::token_delivery::{CookieChange, TokenDelivery},
};

/// The header that requests cookie mode.
pub(super) const HEADER: &str = "x-token-delivery";

/// The cookie, and the origins it is accepted from.
pub(super) struct RefreshCookie {
    name: String,
    is_secure: bool,
    origins: Origins,
    clear_site_data: Option<HeaderValue>,
}

impl RefreshCookie {
    pub(super) fn new(config: &Config) -> Self {
        let url = &config.server.public_url;
        let is_secure = url.scheme() == "https";
        let name = if is_secure {
            // browsers accept a name with this prefix only from this host, over https and with the path `/`
            "__Host-gatehouse-refresh".to_owned()
        } else {
            // cookies do not depend on the port, so two servers on one machine must not use the same name
            format!("gatehouse-refresh-{}", url.port_or_known_default().unwrap_or_default())
        };
        let clear_site_data = config.server.clear_site_data.as_ref();
        let clear_site_data = clear_site_data.and_then(|kinds| HeaderValue::try_from(kinds).ok());
        Self { name, is_secure, origins: Origins::new(config), clear_site_data }
    }

    /// Returns how a POST delivers and receives refresh tokens.
    pub(super) fn read(&self, headers: &HeaderMap) -> Result<Arc<TokenDelivery>, Refused> {
        let is_ours = self.origins.are_of_this_site(headers);
        let by_cookie = match headers.get(HEADER).map(HeaderValue::as_bytes) {
            None | Some(b"body") => false,
            Some(b"cookie") if is_ours => true,
            Some(b"cookie") => {
                return Err(self.origins.two_sites(headers).map_or(Refused::Origin, Refused::Site));
            }
            Some(_) => return Err(Refused::Header),
        };
        let given = is_ours.then(|| self.find(headers)).flatten();
        Ok(Arc::new(TokenDelivery::new(by_cookie, given.map(Into::into))))
    }

    /// Returns the cookie's value. Cookies are read as bytes, because a request also carries the cookies of sibling
    /// sites, which may contain any bytes (RFC 6265 §4.2.2). The refresh token is ASCII.
    fn find<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let lines = headers.get_all(header::COOKIE).into_iter();
        let mut cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        cookies.find_map(|cookie| {
            let value = cookie.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"=")?;
            str::from_utf8(value).ok().filter(|value| value.is_ascii())
        })
    }

    /// Returns the `Clear-Site-Data` header, if the change deletes the cookie and the operator wants the header.
    pub(super) fn clear_site_data(&self, change: &CookieChange) -> Option<HeaderValue> {
        matches!(change, CookieChange::Clear).then(|| self.clear_site_data.clone()).flatten()
    }

    /// Returns the header that changes the cookie.
    pub(super) fn set(&self, change: &CookieChange) -> Option<HeaderValue> {
        let (token, max_age) = match change {
            CookieChange::Set { token, max_age } => (token.expose_secret(), *max_age),
            CookieChange::Clear => ("", 0),
        };
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = &self.name;
        let cookie = format!("{name}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}

/// The reason why cookie mode is refused.
pub(super) enum Refused {
    Origin,
    /// The origin is allowed, but on a different site. Contains advice.
    Site(String),
    Header,
}
