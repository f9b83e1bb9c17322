//! Google as an identity provider. It identifies a person by a token or code from their client.
//!
//! The endpoints come from its discovery document (OpenID Connect Discovery 1.0). Only that document, the public keys
//! and the identity of the person are kept. Nothing else is kept or logged.

mod code;
mod document_cache;
mod fetch;
mod id_token;

use std::{error::Error, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use url::Url;

use crate::{clock::Clock, config::GoogleConfig, input::EmailAddress};
use document_cache::DocumentCache;
use fetch::{Fetched, http_client};
use id_token::Keys;

/// The time limit for one sign-in, over all requests to Google.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// The maximum number of sign-ins that wait for Google at the same time.
const MOST_AT_ONCE: usize = 64;

/// The length limit of a token or code, in bytes. Google's are at most 2,048 bytes long.
const MAX_CREDENTIAL: usize = 8 * 1024;

/// A client of Google's endpoints.
pub struct Google {
    config: GoogleConfig,
    clock: Clock,
    http: reqwest::Client,
    room: Semaphore,
    discovery: DocumentCache<Discovery>,
    keys: DocumentCache<Keys>,
}

/// The reason why Google did not identify anyone.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    /// Google, or a check of its response, rejected what the client sent. The reason is for the log only.
    #[error("{0}")]
    Rejected(&'static str),
    /// Google did not respond, or its response could not be understood.
    #[error("Google is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Too many sign-ins are waiting for Google.
    #[error("too many sign-ins are waiting for Google")]
    Busy,
}

impl GoogleError {
    fn unavailable(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(why.into())
    }
}

/// A Google account whose owner has just proven ownership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleAccount {
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `sub`. Together with `issuer` it identifies the account forever, whatever else changes.
    pub subject: String,
    /// The email address, which Google verified at some time.
    pub email: EmailAddress,
    /// Whether Google decides who has this address now: it is at gmail.com, or in the domain of the
    /// organization for which Google hosts this account.
    pub is_authoritative: bool,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
}

/// The content of the discovery document (OpenID Connect Discovery 1.0 §3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    userinfo_endpoint: Url,
    jwks_uri: Url,
}

/// The claims about a person in an ID token or from the userinfo endpoint (OpenID Connect Core 1.0 §5.1), and
/// Google's `hd`.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    email: Option<String>,
    email_verified: Option<Value>,
    hd: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    picture: Option<String>,
}

/// The tokeninfo endpoint's response about an access token.
#[derive(Debug, Deserialize)]
struct TokenInfo {
    aud: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
}

impl Google {
    /// Creates the client, without sending any request yet.
    ///
    /// # Errors
    /// Fails if the system's certificate authorities cannot be read.
    pub fn new(config: &GoogleConfig, clock: &Clock) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self {
            config: config.clone(),
            clock: clock.clone(),
            http: http_client(&config.discovery_url)?,
            room: Semaphore::new(MOST_AT_ONCE),
            discovery: DocumentCache::default(),
            keys: DocumentCache::default(),
        })
    }

    /// Returns the account of an access token, provided the token was issued to us and covers the email address. Its
    /// other scopes do not matter. The client that it was issued to does matter, because every site where a person
    /// signs in with Google has such a token.
    pub async fn by_access_token(&self, token: &SecretString) -> Result<GoogleAccount, GoogleError> {
        self.bounded(async {
            let token = credential(token)?;
            // in a header, because proxies and servers log URLs
            let info = self.http.post(self.config.tokeninfo_url.clone()).bearer_auth(token);
            let info: TokenInfo =
                self.fetch(info.build()).await?.vouched_for("the access token is invalid")?;
            let ours = Some(self.config.client_id.as_str());
            if info.aud.as_deref() != ours || info.azp.as_deref().is_some_and(|azp| Some(azp) != ours) {
                return Err(GoogleError::Rejected("the access token was issued to another client"));
            }
            // the scope has two names: https://developers.google.com/identity/protocols/oauth2/scopes
            let is_email =
                |scope| ["email", "https://www.googleapis.com/auth/userinfo.email"].contains(&scope);
            if !info.scope.unwrap_or_default().split(' ').any(is_email) {
                return Err(GoogleError::Rejected("the access token does not cover the email address"));
            }
            let discovery = self.discovery().await?;
            let claims = self.http.get(discovery.userinfo_endpoint.clone()).bearer_auth(token);
            let claims: Claims =
                self.fetch(claims.build()).await?.vouched_for("the access token is invalid")?;
            if info.sub.is_some_and(|sub| sub != claims.sub) {
                return Err(GoogleError::Rejected("tokeninfo and userinfo describe different people"));
            }
            account(&discovery.issuer, claims)
        })
        .await
    }

    /// Returns the account of an ID token, provided the token was issued to us and its nonce equals `nonce`.
    /// Without a `nonce` it must have none.
    pub async fn by_id_token(
        &self,
        token: &SecretString,
        nonce: Option<&str>,
    ) -> Result<GoogleAccount, GoogleError> {
        self.bounded(self.read_id_token(credential(token)?, nonce)).await
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, GoogleError> {
        let fetch = || async {
            let url = &self.config.discovery_url;
            let Fetched { fresh_for, body, .. } =
                self.fetch(self.http.get(url.clone()).build()).await?.good()?;
            let discovery: Discovery = serde_json::from_slice(&body).map_err(GoogleError::unavailable)?;
            // OpenID Connect Discovery 1.0 §4.3
            let is_own = url.as_str().strip_suffix("/.well-known/openid-configuration")
                == Some(discovery.issuer.trim_end_matches('/'));
            let Discovery { authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri, .. } =
                &discovery;
            let all = [authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri];
            let is_safe = |endpoint: &&Url| endpoint.scheme() == "https" || endpoint.host() == url.host();
            if !is_own || !all.iter().all(is_safe) {
                return Err(GoogleError::unavailable("the discovery document is not Google's"));
            }
            Ok((discovery, fresh_for))
        };
        self.discovery.get(self.clock.now(), fetch).await
    }

    /// Runs a request within [`TIME_LIMIT`], unless too many are waiting already.
    async fn bounded<T>(
        &self,
        asked: impl Future<Output = Result<T, GoogleError>>,
    ) -> Result<T, GoogleError> {
        let _place = self.room.try_acquire().map_err(|_| GoogleError::Busy)?;
        tokio::time::timeout(TIME_LIMIT, asked).await.map_err(GoogleError::unavailable)?
    }
}

/// Returns the text of a token or code, unless it is too long or has characters that are not allowed (RFC 6749,
/// appendix A).
fn credential(text: &SecretString) -> Result<&str, GoogleError> {
    let text = text.expose_secret();
    let is_good =
        (1..=MAX_CREDENTIAL).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then_some(text).ok_or(GoogleError::Rejected("it is neither a token nor a code"))
}

fn account(issuer: &str, claims: Claims) -> Result<GoogleAccount, GoogleError> {
    // some of Google's endpoints return a string
    let is_verified = claims.email_verified.is_some_and(|is| is == true || is == "true");
    let verified = claims
        .email
        .filter(|_| is_verified)
        .ok_or(GoogleError::Rejected("Google has not verified the address"))?;
    let email = EmailAddress::parse(&verified)
        .map_err(|_| GoogleError::Rejected("the email address is not valid here"))?;
    // OpenID Connect Core 1.0 §2
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(GoogleError::Rejected("there is no `sub`"));
    }
    // https://developers.google.com/identity/gsi/web/guides/verify-google-id-token: the address may have
    // passed to another person since Google verified it, unless Google hosts it. `hd` names the organization
    // of the account. Such an account may still have an address in any other domain.
    let mut googles = ["gmail.com", "googlemail.com"].into_iter().chain(claims.hd.as_deref());
    let is_authoritative = googles.any(|domain| email.is_at(domain));
    Ok(GoogleAccount {
        issuer: issuer.to_owned(),
        subject: claims.sub,
        email,
        is_authoritative,
        name: claims.name,
        given_name: claims.given_name,
        family_name: claims.family_name,
        picture: claims.picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: Value) -> Result<GoogleAccount, GoogleError> {
        account("https://accounts.google.com", serde_json::from_value(claims).unwrap())
    }

    #[test]
    fn google_is_authoritative_for_its_own_addresses_and_those_that_it_hosts() {
        for (email, hd, expected) in [
            ("ada@gmail.com", None, true),
            ("Ada@GMAIL.com", None, true),
            ("ada@example.org", Some("example.org"), true),
            ("ada@googlemail.com", None, true),
            ("ada@example.org", Some("EXAMPLE.org"), true),
            ("ada@bücher.example", Some("xn--bcher-kva.example"), true),
            ("ada@xn--bcher-kva.example", Some("Bücher.example"), true),
            ("ada@example.org", Some(""), false),
            ("ada@example.org", Some("evil.example"), false),
            ("ada@example.org", Some("sub.example.org"), false),
            ("ada@sub.example.org", Some("example.org"), false),
            ("ada@example.org", Some("gmail.com"), false),
            ("ada@example.org", Some("not a domain"), false),
            ("ada@example.org", None, false),
            ("ada@notgmail.com", None, false),
            ("ada@gmail.com.example.org", None, false),
        ] {
            let claims = serde_json::json!({ "sub": "1", "email": email, "email_verified": true, "hd": hd });
            assert_eq!(read(claims).unwrap().is_authoritative, expected, "{email} {hd:?}");
        }
    }

    #[test]
    fn an_address_counts_only_where_google_says_that_it_is_verified() {
        let claims = |verified: Value| serde_json::json!({ "sub": "1", "email": "ada@gmail.com", "email_verified": verified });
        for good in [Value::from(true), Value::from("true")] {
            assert!(read(claims(good)).is_ok());
        }
        for bad in [Value::Null, false.into(), "false".into(), 1.into(), "TRUE".into(), "".into()] {
            assert!(read(claims(bad.clone())).is_err(), "{bad}");
        }
        assert!(read(serde_json::json!({ "sub": "1", "email": "ada@gmail.com" })).is_err());
        assert!(
            read(serde_json::json!({ "sub": "", "email": "ada@gmail.com", "email_verified": true })).is_err()
        );
    }
}
