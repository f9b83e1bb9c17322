//! A sign-in provider, as it is configured.

use secrecy::SecretString;
use url::Url;

/// A sign-in provider, and the client that is registered there.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The ID in the API: `google`, or for a provider of `OIDC_<NAME>_ISSUER` the name in lower case.
    pub id: String,
    /// The kind, which decides how the provider is asked.
    pub kind: ProviderKind,
    /// The name that people see.
    pub name: String,
    /// Only tokens that the provider issued to this client are accepted.
    pub client_id: String,
    /// The secret of the client. Authorization codes need it.
    pub secret: ClientAuthentication,
    /// The addresses of the provider.
    pub endpoints: ProviderEndpoints,
    /// What people are asked to share.
    pub scopes: Vec<String>,
}

/// The kind of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ProviderKind {
    Google,
    Microsoft,
    Apple,
    GitHub,
    /// Any other issuer of OpenID Connect.
    Oidc,
}

/// How this server authenticates at a provider.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// It cannot, so authorization codes are not accepted.
    None,
    /// With a secret that the provider gave.
    Secret(SecretString),
    /// With a JWT that it signs itself, as Apple requires.
    SignedByKey {
        /// The ID of the team, which is the issuer of the JWT.
        team_id: String,
        /// The ID of the key.
        key_id: String,
        /// The private key on P-256, in PEM (PKCS #8).
        private_key: SecretString,
    },
}

/// The addresses of a provider.
#[derive(Clone, Debug)]
pub enum ProviderEndpoints {
    /// The provider lists its endpoints in a document (OpenID Connect Discovery §4).
    Discovery {
        /// The address of the document.
        url: Url,
        /// Where Google says which client an access token was issued to.
        tokeninfo: Option<Url>,
        /// Where Apple posts the answer, because it sends no names in URLs.
        callback: Option<String>,
    },
    /// GitHub, or GitHub Enterprise Server.
    GitHub {
        /// The address of the web site, without a trailing slash.
        site: String,
        /// The address of the API, without a trailing slash.
        api: String,
    },
}

impl ProviderConfig {
    /// Returns whether people can sign in at the provider in a browser.
    #[must_use]
    pub fn accepts_codes(&self) -> bool {
        !matches!(self.secret, ClientAuthentication::None)
    }
}
