//! Which web origins may do what.

use poem::http::{HeaderMap, header};

use crate::config::{Config, Mode};

/// The origins whose scripts may call the API: `ALLOWED_ORIGINS`, and in development those of this machine.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    allowed: Vec<String>,
    is_dev: bool,
}

impl Origins {
    pub(super) fn new(config: &Config) -> Self {
        Self { allowed: config.allowed_origins.clone(), is_dev: config.mode == Mode::Dev }
    }

    pub(super) fn allow(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == origin) || (self.is_dev && is_local(origin))
    }

    /// Whether a browser says that an allowed origin of this very site sends the request. Browsers name it for every POST;
    /// what comes without is no browser's, or hides where it comes from.
    pub(super) fn are_of_this_site(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let site = text("sec-fetch-site");
        headers.get_all(header::ORIGIN).iter().count() == 1
            && text(header::ORIGIN.as_str()).is_some_and(|origin| self.allow(origin))
            && site.is_none_or(|site| ["same-origin", "same-site"].contains(&site))
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A front end on this machine, on any port.
fn is_local(origin: &str) -> bool {
    ["http://localhost", "http://127.0.0.1"].into_iter().any(|local| {
        origin
            .strip_prefix(local)
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}
