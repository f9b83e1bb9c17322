//! The configuration of a sign-in provider.

use secrecy::SecretString;
use url::Url;

/// A sign-in provider, and the client that is registered with it.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The ID in the API, such as `google`. For a provider that `OIDC_<NAME>_ISSUER` configures, the ID is `<NAME>` in
    /// lower case.
    pub id: String,
    /// The kind, which determines how requests to the provider are made.
    pub kind: ProviderKind,
    /// The name that people see.
    pub name: String,
    /// The ID of the client. Only tokens that the provider issued to this client are accepted.
    pub client_id: String,
    /// How this server authenticates as the client when it exchanges authorization codes.
    pub secret: ClientAuthentication,
    /// The URLs of the provider.
    pub endpoints: ProviderEndpoints,
    /// The scopes, which determine what people are asked to share.
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
    /// Any other OpenID Connect issuer.
    Oidc,
}

/// How this server authenticates to a provider.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Not at all: the server has no credentials, so it does not accept authorization codes.
    None,
    /// With a secret that the provider issued.
    Secret(SecretString),
    /// With a JWT that this server signs itself, as Apple requires.
    SignedByKey {
        /// The ID of the team, which is the issuer of the JWT.
        team_id: String,
        /// The ID of the key.
        key_id: String,
        /// The private key on P-256, in PEM (PKCS #8).
        private_key: SecretString,
    },
}

/// The URLs of a provider.
#[derive(Clone, Debug)]
pub enum ProviderEndpoints {
    /// The provider lists its endpoints in a document (OpenID Connect Discovery §4).
    Discovery {
        /// The URL of the document.
        url: Url,
        /// The endpoint at which Google reports the client to which it issued an access token.
        tokeninfo: Option<Url>,
        /// The URL to which Apple posts its response, because Apple does not put people's names into URLs.
        callback: Option<String>,
    },
    /// GitHub, or GitHub Enterprise Server.
    GitHub {
        /// The URL of the website, without a trailing slash.
        site: String,
        /// The URL of the API, without a trailing slash.
        api: String,
    },
}

impl ProviderConfig {
    /// Returns whether people can sign in with the provider in a browser.
    #[must_use]
    pub fn accepts_codes(&self) -> bool {
        !matches!(self.secret, ClientAuthentication::None)
    }
}
