//! ID tokens (OpenID Connect Core 1.0 §3.1.3.7).

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Claims, Discovery, Fetched, Google, GoogleAccount, GoogleError, account};

/// Google's public keys, by ID.
pub(super) struct Keys(HashMap<String, DecodingKey>);

/// The claims of an ID token. A token with more than one audience does not match this type.
#[derive(Deserialize)]
struct IdToken {
    exp: i64,
    nonce: Option<String>,
    #[serde(rename = "aud")]
    _audience: String,
    #[serde(flatten)]
    claims: Claims,
}

impl Google {
    pub(super) async fn read_id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<GoogleAccount, GoogleError> {
        let header = decode_header(token).map_err(|_| GoogleError::Rejected("the ID token is malformed"))?;
        // the keys are RSA keys, so no other algorithm may be tried with them
        if header.alg != Algorithm::RS256 {
            return Err(GoogleError::Rejected("the ID token is not signed with RS256"));
        }
        let kid = header.kid.ok_or(GoogleError::Rejected("the ID token does not name its key"))?;
        let discovery = self.discovery().await?;
        let key = self.key(&discovery, &kid).await?;

        let mut validation = Validation::new(Algorithm::RS256);
        // Google spells its issuer with and without the scheme
        let bare = discovery.issuer.split_once("://").map_or("", |(_, bare)| bare);
        validation.set_issuer(&[discovery.issuer.as_str(), bare]);
        validation.set_audience(&[&self.config.client_id]);
        // without this, a token that lacks `iss` or `aud` passes
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `exp` is checked with our own clock instead
        validation.validate_exp = false;
        let token = decode::<IdToken>(token, &key, &validation)
            .map_err(|_| GoogleError::Rejected("the ID token was not issued by Google, or not for us"))?
            .claims;
        if token.exp <= self.clock.now().unix_timestamp() {
            return Err(GoogleError::Rejected("the ID token has expired"));
        }
        // the nonce binds a token to one attempt, so a token for another attempt must be rejected
        if token.nonce.as_deref() != nonce {
            return Err(GoogleError::Rejected("the ID token has the wrong nonce"));
        }
        account(&discovery.issuer, token.claims)
    }

    async fn key(&self, discovery: &Discovery, kid: &str) -> Result<DecodingKey, GoogleError> {
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
        key.ok_or(GoogleError::Rejected("the ID token is signed by a key that is not Google's"))
    }
}

impl Keys {
    /// Reads the keys that sign with RS256, and skips all others.
    fn read(jwks: &[u8]) -> Result<Self, GoogleError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks = serde_json::from_slice(jwks).map_err(GoogleError::unavailable)?;
        let key = |key: Value| {
            let jwk: Jwk = serde_json::from_value(key).ok()?;
            let signs = jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
            let is_rsa = matches!(jwk.algorithm, jsonwebtoken::jwk::AlgorithmParameters::RSA(_));
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            (signs && is_rsa).then_some((jwk.common.key_id?, key))
        };
        Ok(Self(jwks.keys.into_iter().filter_map(key).collect()))
    }
}
