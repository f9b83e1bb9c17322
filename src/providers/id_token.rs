//! ID tokens (OpenID Connect Core 1.0 §3.1.3.7).

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Discovery, Fetched, Provider, ProviderError, claims::Claims, microsoft};
use crate::config::ProviderKind;

/// The public keys of a provider, by ID.
pub(super) struct Keys(HashMap<String, Key>);

/// A public key.
#[derive(Clone)]
struct Key {
    decoding: DecodingKey,
    /// The only algorithm with which the key may be used.
    algorithm: Algorithm,
    /// The only issuer whose tokens the key may sign, if the document names one. Microsoft puts the keys of several issuers
    /// into one document.
    issuer: Option<String>,
}

/// The audience of an ID token. A token with several audiences is refused, because another audience could have passed it on.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "the library compares the value")]
enum Audience {
    One(String),
    List([String; 1]),
}

/// The claims of an ID token.
#[derive(Deserialize)]
struct IdToken {
    iss: String,
    exp: i64,
    nonce: Option<String>,
    #[serde(rename = "aud")]
    _audience: Audience,
    #[serde(flatten)]
    claims: Claims,
}

impl Provider {
    pub(super) async fn read_id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Account, ProviderError> {
        let (issuer, claims) = self.claims(token, nonce).await?;
        self.account(&issuer, claims)
    }

    /// Returns the issuer and the claims of an ID token, provided the token was issued to us and its nonce equals `nonce`.
    pub(super) async fn claims(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<(String, Claims), ProviderError> {
        let header =
            decode_header(token).map_err(|_| ProviderError::Rejected("the ID token is malformed"))?;
        let kid = header.kid.ok_or(ProviderError::Rejected("the ID token does not name its key"))?;
        let discovery = self.discovery().await?;
        let Key { decoding, algorithm, issuer: issuer_of_key } = self.key(&discovery, &kid).await?;
        // each key is for one algorithm, so that it cannot be tried with another (RFC 8725 §3.1)
        if header.alg != algorithm {
            return Err(ProviderError::Rejected("the ID token is not signed with the algorithm of its key"));
        }

        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[&self.config.client_id]);
        // without this, a token that lacks `aud` passes
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `iss` and `exp` are checked below: `exp` must be compared with our own clock
        validation.validate_exp = false;
        let token = decode::<IdToken>(token, &decoding, &validation)
            .map_err(|_| {
                ProviderError::Rejected("the ID token was not issued by the provider, or not for us")
            })?
            .claims;
        let issuer = self.issuer(&discovery.issuer, &token)?;
        if let Some(issuer_of_key) = issuer_of_key {
            self.issuer(&issuer_of_key, &token)?;
        }
        if token.exp <= self.clock.now().unix_timestamp() {
            return Err(ProviderError::Rejected("the ID token has expired"));
        }
        // the nonce binds a token to one attempt, so a token for another attempt must be rejected
        if token.nonce.as_deref() != nonce {
            return Err(ProviderError::Rejected("the ID token has the wrong nonce"));
        }
        Ok((issuer, token.claims))
    }

    /// Returns the issuer of a token. Rejects the token if its issuer is not the expected one.
    fn issuer(&self, issuer: &str, token: &IdToken) -> Result<String, ProviderError> {
        let expected = match self.config.kind {
            ProviderKind::Microsoft => microsoft::issuer_of(issuer, token.claims.tid.as_deref()),
            _ => Some(issuer.to_owned()),
        };
        // Google writes its issuer both with and without the scheme
        let bare = issuer.split_once("://").map(|(_, bare)| bare);
        let is_bare = self.config.kind == ProviderKind::Google && Some(token.iss.as_str()) == bare;
        expected
            .filter(|expected| *expected == token.iss || is_bare)
            .ok_or(ProviderError::Rejected("the ID token was issued by somebody else"))
    }

    async fn key(&self, discovery: &Discovery, kid: &str) -> Result<Key, ProviderError> {
        let fetch = || async {
            let request = self.http.get(discovery.jwks_uri.clone()).build();
            let Fetched { fresh_for, body, .. } = self.fetch(request).await?.good()?;
            Ok((Keys::read(&body)?, fresh_for))
        };
        let now = self.clock.now();
        let keys = self.keys.get(now, fetch).await?;
        if let Some(key) = keys.0.get(kid) {
            return Ok(key.clone());
        }
        let newer: Option<Arc<Keys>> = self.keys.newer(&keys, now, fetch).await?;
        let key = newer.and_then(|keys| keys.0.get(kid).cloned());
        key.ok_or(ProviderError::Rejected("the ID token is signed by a key that is not the provider's"))
    }
}

impl Keys {
    /// Reads the keys that sign with RS256 or ES256, and skips all others.
    fn read(jwks: &[u8]) -> Result<Self, ProviderError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks = serde_json::from_slice(jwks).map_err(ProviderError::unavailable)?;
        let key = |key: Value| {
            let issuer = key["issuer"].as_str().map(str::to_owned);
            let jwk: Jwk = serde_json::from_value(key).ok()?;
            let signs = jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
            let algorithm = match &jwk.algorithm {
                AlgorithmParameters::RSA(_) => Algorithm::RS256,
                AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                    Algorithm::ES256
                }
                _ => return None,
            };
            let decoding = DecodingKey::from_jwk(&jwk).ok()?;
            signs.then_some((jwk.common.key_id?, Key { decoding, algorithm, issuer }))
        };
        Ok(Self(jwks.keys.into_iter().filter_map(key).collect()))
    }
}
