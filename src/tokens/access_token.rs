//! Access tokens: signed JWTs (RFC 9068) that any service can verify with the published keys.

use std::borrow::Cow;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::KeyPair,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Validation, decode, decode_header, errors::Error, jwk::JwkSet};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    amr::Amr,
    seal::Root,
    signing::{SigningKey, TYPE},
};
use crate::{
    config::{Claim, Config},
    storage::{session, user},
};

/// The claim `client_id` (RFC 9068). It is the same in all tokens, because people sign in to Gatehouse itself.
const CLIENT_ID: &str = "gatehouse";

/// The audience of tokens for a user who must enroll a second factor first. Other services reject such tokens, because
/// they expect `JWT_AUDIENCE`.
pub const ENROLMENT_AUDIENCE: &str = "gatehouse:enrolment";

/// Issues and reads access tokens.
pub(super) struct AccessTokens {
    /// The keys. The first one signs.
    signing: Vec<SigningKey>,
    /// The claims of tokens whose signatures have been verified, by the digest of the token. A valid signature stays
    /// valid, and verifying it takes as long as the rest of a request.
    verified: Option<Cache<[u8; 32], AccessClaims>>,
    issuer: String,
    audience: String,
    claims: Vec<Claim>,
    ttl: time::Duration,
}

/// Who accepts an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// This server and the services of `JWT_AUDIENCE`.
    Everyone,
    /// This server alone, because the user must enroll a second factor first.
    Enrolment,
}

/// A signed JWT and its lifetime.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token, which clients send as `Authorization: Bearer …`.
    pub token: SecretString,
    /// Its remaining lifetime in seconds at the time of the request.
    pub expires_in: i64,
}

/// The claims of a valid access token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccessClaims {
    /// The user's ID.
    pub sub: Uuid,
    /// The session's ID.
    pub sid: Uuid,
    /// The counter of the refresh token that was issued with this token.
    pub rc: i64,
    exp: i64,
    /// The time of the last authentication. Tokens of earlier versions lack this claim, so they never show a recent
    /// authentication.
    #[serde(default)]
    auth_time: i64,
    /// How the user last proved their identity.
    #[serde(default)]
    pub amr: Amr,
}

impl AccessClaims {
    /// Returns the time at which the token expires.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.exp).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Returns the time at which the user last proved their identity.
    #[must_use]
    pub fn authenticated_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.auth_time).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// The reason why an access token is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The token was valid until it expired. It has these claims.
    Expired(AccessClaims),
    /// The token was not issued by this server.
    Invalid,
}

/// The claims of an issued token: those of RFC 9068 §2.2, then those chosen by `JWT_CLAIMS`.
#[derive(Serialize)]
struct Issued<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: &'a str,
    client_id: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    sid: Uuid,
    rc: i64,
    auth_time: i64,
    amr: Amr,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bio: Option<&'a str>,
}

impl AccessTokens {
    pub(super) fn new(config: &Config, roots: &[Root], rsa: Vec<KeyPair>) -> Result<Self, Error> {
        Ok(Self {
            signing: SigningKey::all(roots, rsa, config.tokens.algorithm)?,
            verified: (config.database.viewer_cache_size > 0)
                .then(|| Cache::new(config.database.viewer_cache_size)),
            issuer: config.tokens.issuer.clone(),
            audience: config.tokens.audience.clone(),
            claims: config.tokens.claims.clone(),
            ttl: time::Duration::try_from(config.tokens.access_token_ttl).unwrap_or(time::Duration::HOUR),
        })
    }

    pub(super) fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.signing.iter().map(|key| key.jwk.clone()).collect() }
    }

    pub(super) fn issue(
        &self,
        session: &session::Model,
        user: &user::Model,
        (amr, audience): (Amr, Audience),
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<AccessToken, Error> {
        let expires_at = (issued_at + self.ttl).min(session.expires_at.0);
        let says = |claim| self.claims.contains(&claim);
        let issued = Issued {
            iss: &self.issuer,
            sub: user.id,
            aud: match audience {
                Audience::Everyone => &self.audience,
                Audience::Enrolment => ENROLMENT_AUDIENCE,
            },
            client_id: CLIENT_ID,
            exp: expires_at.unix_timestamp(),
            iat: issued_at.unix_timestamp(),
            jti: format!(
                "{}.{}.{}.{}",
                session.id.simple(),
                session.counter,
                issued_at.unix_timestamp(),
                session.authenticated_at.0.unix_timestamp()
            ),
            sid: session.id,
            rc: session.counter,
            auth_time: session.authenticated_at.0.unix_timestamp(),
            amr,
            email: user.email.as_deref().filter(|_| says(Claim::Email)),
            email_verified: says(Claim::EmailVerified).then_some(user.email_verified_at.is_some()),
            preferred_username: user.username.as_deref().filter(|_| says(Claim::PreferredUsername)),
            name: user.full_name().filter(|_| says(Claim::Name)),
            given_name: user.first_name.as_deref().filter(|_| says(Claim::GivenName)),
            family_name: user.last_name.as_deref().filter(|_| says(Claim::FamilyName)),
            picture: user.avatar_url.as_deref().filter(|_| says(Claim::Picture)),
            role: says(Claim::Role).then_some(match user.role {
                user::Role::User => "USER",
                user::Role::Staff => "STAFF",
                user::Role::Superuser => "SUPERUSER",
            }),
            bio: user.bio.as_deref().filter(|_| says(Claim::Bio)),
        };
        // RFC 7515 §3.1. `jsonwebtoken::encode` would parse the key on each call, which takes as long as signing.
        let key = &self.signing[0];
        let mut token = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(serde_json::to_vec(&issued)?));
        let signature = key.sign(&token)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(AccessToken { token: token.into(), expires_in: (expires_at - now).whole_seconds().max(0) })
    }

    pub(super) fn read(&self, token: &str, now: OffsetDateTime) -> Result<AccessClaims, Rejected> {
        let claims = match &self.verified {
            Some(verified) => {
                let digest: [u8; 32] =
                    digest(&SHA256, token.as_bytes()).as_ref().try_into().map_err(|_| Rejected::Invalid)?;
                verified.get_or_insert_with(&digest, || self.verify(token))?
            }
            None => self.verify(token)?,
        };
        if claims.exp <= now.unix_timestamp() { Err(Rejected::Expired(claims)) } else { Ok(claims) }
    }

    /// Verifies a token's signature and returns its claims, even if the token has expired.
    fn verify(&self, token: &str) -> Result<AccessClaims, Rejected> {
        let header = decode_header(token).map_err(|_| Rejected::Invalid)?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(Rejected::Invalid);
        }
        let key =
            self.signing.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or(Rejected::Invalid)?;
        let decoded = decode::<AccessClaims>(token, &key.decode, &self.validation(key));
        decoded.map(|token| token.claims).map_err(|_| Rejected::Invalid)
    }

    fn validation(&self, key: &SigningKey) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[self.audience.as_str(), ENROLMENT_AUDIENCE]);
        // without this, a token that lacks `iss` or `aud` passes
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `read` compares `exp` with our own clock
        validation.validate_exp = false;
        validation
    }
}
