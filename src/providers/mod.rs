//! Sign-in providers. Each identifies a person by a token or code that the person's client sends to us.
//!
//! The endpoints of every provider except GitHub come from a discovery document (OpenID Connect Discovery 1.0). We keep the
//! discovery document, the public keys and the identity of the person. Nothing else is kept or logged.

mod account;
mod addresses;
mod apple;
mod claims;
mod code;
mod document_cache;
mod fetch;
mod github;
mod google;
mod id_token;
mod microsoft;

use std::{error::Error, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    clock::Clock,
    config::{ProviderConfig, ProviderEndpoints, ProviderKind, ProvidersConfig},
};
pub use account::Account;
pub use apple::AppleName;
use document_cache::DocumentCache;
use fetch::{Fetched, http_client};
use id_token::Keys;

/// The time limit for one sign-in, over all requests to the provider.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// The maximum number of sign-ins that wait for one provider at the same time.
const MOST_AT_ONCE: usize = 64;

/// The length limit of a token or code, in bytes. Google's are at most 2,048 bytes long.
const MAX_CREDENTIAL: usize = 8 * 1024;

/// The configured providers.
pub struct Providers(Vec<Provider>);

/// A client of a provider's endpoints.
pub struct Provider {
    config: ProviderConfig,
    clock: Clock,
    http: reqwest::Client,
    room: Semaphore,
    discovery: DocumentCache<Discovery>,
    keys: DocumentCache<Keys>,
}

/// The reason why a provider did not identify anyone.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider, or a check of its response, rejected what the client sent. The reason is for the log only.
    #[error("{0}")]
    Rejected(&'static str),
    /// The provider did not respond, or its response could not be understood.
    #[error("the provider is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Too many sign-ins are waiting for the provider.
    #[error("too many sign-ins are waiting for the provider")]
    Busy,
}

impl ProviderError {
    fn unavailable(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(why.into())
    }
}

/// The content of the discovery document (OpenID Connect Discovery 1.0 §3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    /// Apple has none.
    userinfo_endpoint: Option<Url>,
    jwks_uri: Url,
}

impl Providers {
    /// Creates the clients, without sending any request yet.
    ///
    /// # Errors
    /// Fails if the system's certificate authorities cannot be read.
    pub fn new(config: &ProvidersConfig, clock: &Clock) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let all: Result<_, _> = config.all.iter().map(|config| Provider::new(config, clock)).collect();
        all.map(Self)
    }

    /// Returns the display name of the provider with this ID, or the ID if the provider is no longer configured.
    #[must_use]
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.get(id).map_or(id, |provider| &provider.config.name)
    }

    /// Returns the kind of the provider with this ID. If the provider is no longer configured, returns the kind that the ID
    /// stands for.
    #[must_use]
    pub fn kind(&self, id: &str) -> ProviderKind {
        match (self.get(id), id) {
            (Some(provider), _) => provider.config.kind,
            (None, "google") => ProviderKind::Google,
            (None, "microsoft") => ProviderKind::Microsoft,
            (None, "apple") => ProviderKind::Apple,
            (None, "github") => ProviderKind::GitHub,
            (None, _) => ProviderKind::Oidc,
        }
    }

    /// Returns the provider with this ID, if it is configured.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.config.id == id)
    }
}

impl Provider {
    fn new(config: &ProviderConfig, clock: &Clock) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let is_here = match &config.endpoints {
            ProviderEndpoints::Discovery { url, .. } => url.scheme() == "http",
            ProviderEndpoints::GitHub { site, .. } => site.starts_with("http:"),
        };
        Ok(Self {
            config: config.clone(),
            clock: clock.clone(),
            http: http_client(is_here)?,
            room: Semaphore::new(MOST_AT_ONCE),
            discovery: DocumentCache::default(),
            keys: DocumentCache::default(),
        })
    }

    /// Returns the ID of the provider.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.config.id
    }

    /// Returns whether people can sign in at the provider in a browser.
    #[must_use]
    pub fn accepts_codes(&self) -> bool {
        self.config.accepts_codes()
    }

    /// Returns the URL to which the provider sends the browser back, for an app whose redirect URI is `app`.
    #[must_use]
    pub fn return_address<'a>(&'a self, app: &'a str) -> &'a str {
        match &self.config.endpoints {
            ProviderEndpoints::Discovery { callback: Some(callback), .. } => callback,
            _ => app,
        }
    }

    /// Returns the account that an ID token identifies, provided the token was issued to us and its nonce equals
    /// `nonce`. Without a `nonce`, the token must have none.
    pub async fn by_id_token(
        &self,
        token: &SecretString,
        nonce: Option<&str>,
    ) -> Result<Account, ProviderError> {
        if self.config.kind == ProviderKind::GitHub {
            return Err(ProviderError::Rejected("GitHub issues no ID tokens"));
        }
        self.bounded(self.read_id_token(credential(token)?, nonce)).await
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, ProviderError> {
        let ProviderEndpoints::Discovery { url, .. } = &self.config.endpoints else {
            return Err(ProviderError::unavailable("the provider has no discovery document"));
        };
        let fetch = || async {
            let Fetched { fresh_for, body, .. } =
                self.fetch(self.http.get(url.clone()).build()).await?.good()?;
            let discovery: Discovery = serde_json::from_slice(&body).map_err(ProviderError::unavailable)?;
            // OpenID Connect Discovery 1.0 §4.3
            let own = url.as_str().strip_suffix("/.well-known/openid-configuration");
            let issuer = discovery.issuer.trim_end_matches('/');
            let is_own = match self.config.kind {
                ProviderKind::Microsoft => own.is_some_and(|own| microsoft::is_issuer_of(issuer, own)),
                _ => own == Some(issuer),
            };
            let Discovery { authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri, .. } =
                &discovery;
            let all = [authorization_endpoint, token_endpoint, jwks_uri];
            let is_safe = |endpoint: &Url| endpoint.scheme() == "https" || endpoint.host() == url.host();
            if !is_own || !all.into_iter().chain(userinfo_endpoint).all(is_safe) {
                return Err(ProviderError::unavailable("the discovery document is not the provider's"));
            }
            Ok((discovery, fresh_for))
        };
        self.discovery.get(self.clock.now(), fetch).await
    }

    /// Runs a request within [`TIME_LIMIT`], unless too many requests are already waiting.
    async fn bounded<T>(
        &self,
        asked: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let _place = self.room.try_acquire().map_err(|_| ProviderError::Busy)?;
        tokio::time::timeout(TIME_LIMIT, asked).await.map_err(ProviderError::unavailable)?
    }
}

/// Returns the text of a token or code, unless it is too long or has characters that are not allowed (RFC 6749,
/// appendix A).
fn credential(text: &SecretString) -> Result<&str, ProviderError> {
    let text = text.expose_secret();
    let is_good =
        (1..=MAX_CREDENTIAL).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then_some(text).ok_or(ProviderError::Rejected("it is neither a token nor a code"))
}
