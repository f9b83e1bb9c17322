//! The relying party: the site that passkeys belong to.

/// The site that passkeys belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The RP ID: a domain. Passkeys work on its pages and on those of its subdomains.
    pub id: String,
    /// The name that the browser shows.
    pub name: String,
    /// The origins whose pages may use the passkeys, in the form that browsers send. `:*` at the end stands for every port.
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// Returns whether pages of this origin may use the passkeys.
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| match allowed.strip_suffix(":*") {
            Some(host) => origin.strip_prefix(host).is_some_and(|rest| rest.is_empty() || is_port(rest)),
            None => allowed == origin,
        })
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}
