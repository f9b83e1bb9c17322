//! Google, as far as it vouches for people: who it says that somebody is, by what it gave their client.
//!
//! Its endpoints come from its discovery document (OpenID Connect Discovery 1.0). Nothing that it gives out is kept or logged
//! but that document, its public keys, and who somebody is.

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

/// The longest that Google may take for one sign-in, however often it is asked for that.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// Sign-ins that may wait for Google at once.
const MOST_AT_ONCE: usize = 64;

/// The longest token or code that is looked at, in bytes. Google's have at most 2048.
const MAX_CREDENTIAL: usize = 8 * 1024;

/// Google, asked over HTTP.
pub struct Google {
    config: GoogleConfig,
    clock: Clock,
    http: reqwest::Client,
    room: Semaphore,
    discovery: DocumentCache<Discovery>,
    keys: DocumentCache<Keys>,
}

/// Why Google says of nobody who they are.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    /// It does not vouch for what the client sent, for this reason, which is the log's.
    #[error("{0}")]
    Rejected(&'static str),
    /// It did not answer, or not in a way that can be understood.
    #[error("Google is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Too many wait for it.
    #[error("too many sign-ins wait for Google")]
    Busy,
}

impl GoogleError {
    fn unavailable(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(why.into())
    }
}

/// A Google account whose owner has just shown that it is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleAccount {
    /// The `iss`.
    pub issuer: String,
    /// The `sub`: with `issuer` it names the account for ever, whatever else changes.
    pub subject: String,
    /// Its address, which Google has verified at some time.
    pub email: EmailAddress,
    /// Whether Google decides who has this address now: it is at gmail.com, or at the domain of the organisation that Google
    /// hosts this very account for.
    pub is_authoritative: bool,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The address of a picture.
    pub picture: Option<String>,
}

/// What the discovery document says (OpenID Connect Discovery 1.0 §3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    userinfo_endpoint: Url,
    jwks_uri: Url,
}

/// What an ID token and the userinfo endpoint say of a person (OpenID Connect Core 1.0 §5.1), and Google's `hd`.
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

/// What the tokeninfo endpoint says of an access token.
#[derive(Debug, Deserialize)]
struct TokenInfo {
    aud: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
}

impl Google {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// If the system's certificate authorities cannot be read.
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

    /// Whose an access token is, if it was issued to us, and for the address too. What else it was issued for does not matter,
    /// but whom it was issued to does: any site that people sign in to by Google has such tokens of theirs.
    ///
    /// # Errors
    /// Why nobody's.
    pub async fn by_access_token(&self, token: &SecretString) -> Result<GoogleAccount, GoogleError> {
        self.bounded(async {
            let token = credential(token)?;
            // in a header, since addresses are logged on their way
            let info = self.http.post(self.config.tokeninfo_url.clone()).bearer_auth(token);
            let info: TokenInfo =
                self.fetch(info.build()).await?.vouched_for("the access token is not good")?;
            let ours = Some(self.config.client_id.as_str());
            if info.aud.as_deref() != ours || info.azp.as_deref().is_some_and(|azp| Some(azp) != ours) {
                return Err(GoogleError::Rejected("the access token was issued to another client"));
            }
            // https://developers.google.com/identity/protocols/oauth2/scopes: two names of one scope
            let is_email =
                |scope| ["email", "https://www.googleapis.com/auth/userinfo.email"].contains(&scope);
            if !info.scope.unwrap_or_default().split(' ').any(is_email) {
                return Err(GoogleError::Rejected("the access token was not issued for the address"));
            }
            let discovery = self.discovery().await?;
            let claims = self.http.get(discovery.userinfo_endpoint.clone()).bearer_auth(token);
            let claims: Claims =
                self.fetch(claims.build()).await?.vouched_for("the access token is not good")?;
            if info.sub.is_some_and(|sub| sub != claims.sub) {
                return Err(GoogleError::Rejected("tokeninfo and userinfo tell of two people"));
            }
            account(&discovery.issuer, claims)
        })
        .await
    }

    /// Whose an ID token is, if it was issued to us, and for this `nonce` or, where there is none, for none.
    ///
    /// # Errors
    /// Why nobody's.
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

    /// Whatever Google does, its answer is there or not within [`TIME_LIMIT`], and not too many wait for it.
    async fn bounded<T>(
        &self,
        asked: impl Future<Output = Result<T, GoogleError>>,
    ) -> Result<T, GoogleError> {
        let _place = self.room.try_acquire().map_err(|_| GoogleError::Busy)?;
        tokio::time::timeout(TIME_LIMIT, asked).await.map_err(GoogleError::unavailable)?
    }
}

/// A token or code, unless it is longer than any of Google's, or no text that such a thing may have (RFC 6749, appendix A).
fn credential(text: &SecretString) -> Result<&str, GoogleError> {
    let text = text.expose_secret();
    let is_good =
        (1..=MAX_CREDENTIAL).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then_some(text).ok_or(GoogleError::Rejected("it is no token and no code"))
}

fn account(issuer: &str, claims: Claims) -> Result<GoogleAccount, GoogleError> {
    // some of Google's endpoints write it as a text
    let is_verified = claims.email_verified.is_some_and(|is| is == true || is == "true");
    let email = claims.email.filter(|_| is_verified);
    let email = email.ok_or(GoogleError::Rejected("Google has not verified the address"))?;
    let email =
        EmailAddress::parse(&email).map_err(|_| GoogleError::Rejected("the address is none of ours"))?;
    // OpenID Connect Core 1.0 §2
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(GoogleError::Rejected("there is no `sub`"));
    }
    // https://developers.google.com/identity/gsi/web/guides/verify-google-id-token: elsewhere the address may have gone to
    // another person since Google verified it. `hd` names the organisation of the account; an account of one organisation
    // may have an address at any other's domain
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
