//! Access tokens, refresh tokens, one-time codes, links, cursors, and the keys of them all.
//!
//! Every key is derived from `SECRET_KEY` by HKDF (RFC 5869), under a label of its own, so replicas that share the setting
//! share the keys. Those of `SECRET_KEY_FALLBACKS` verify and are in the JWKS, but sign nothing. RSA keys cannot be derived:
//! [`rsa_keys`] keeps them.

pub mod rsa_keys;
mod seal;
mod signing;

use std::borrow::Cow;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::KeyPair,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Validation, decode, decode_header, errors::Error, jwk::JwkSet};
use quick_cache::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::{Claim, Config},
    storage::{
        challenge::Purpose,
        session::{self, AuthenticationMethod},
        user,
    },
};
use seal::{Root, Seal};
use signing::SigningKey;

/// The `typ` of access tokens, which keeps them apart from ID tokens (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// `client_id` of RFC 9068: people sign in to Gatehouse itself.
const CLIENT_ID: &str = "gatehouse";

/// A refresh token holds a session's id and a counter: with its MAC 54 characters.
const REFRESH_TOKEN_BYTES: usize = 16 + 8;

/// Issues and reads tokens.
pub struct Tokens {
    /// The one that signs first.
    signing: Vec<SigningKey>,
    refresh: Seal,
    cursor: Seal,
    code: Seal,
    password: Seal,
    /// One for each purpose, so that a link for one thing is none for another.
    links: [(Purpose, Seal); 3],
    undo: Seal,
    otp_length: u8,
    /// What access tokens say whose signature was found good, by their digest. What was good once is for ever, but for the
    /// time; and finding that out takes as long as all the rest of a request.
    verified: Option<Cache<[u8; 32], AccessClaims>>,
    issuer: String,
    audience: String,
    claims: Vec<Claim>,
    access_token_ttl: time::Duration,
}

/// A signed JWT and when it ends.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// What the client sends as `Authorization: Bearer …`.
    pub token: SecretString,
    /// Seconds until it expires, from when it was asked for.
    pub expires_in: i64,
}

/// What a good access token says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccessClaims {
    /// The user.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The counter of the refresh token that it was issued with.
    pub rc: i64,
    exp: i64,
    /// Tokens of earlier versions lack it: theirs is no recent proof.
    #[serde(default)]
    auth_time: i64,
}

impl AccessClaims {
    /// When the token expires.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.exp).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// When its holder last proved who they are.
    #[must_use]
    pub fn authenticated_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.auth_time).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// Why an access token is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It was good once, and said this.
    Expired(AccessClaims),
    /// It is none of ours.
    Invalid,
}

/// What a good refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The session.
    pub session_id: Uuid,
    /// How often the session had been refreshed when it was issued.
    pub counter: i64,
}

/// The claims as they are written: those of RFC 9068 §2.2, then those that `JWT_CLAIMS` chooses.
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
    amr: Vec<&'static str>,
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

impl Tokens {
    /// Derives the keys, and takes the RSA keys that [`rsa_keys::load`] returned.
    ///
    /// # Errors
    /// Fails if the cryptographic library rejects a key, or `JWT_ALGORITHM` is `RS256` and there is no RSA key.
    pub fn new(config: &Config, rsa: Vec<KeyPair>) -> Result<Self, Error> {
        let roots: Vec<Root> = config.tokens.secrets().map(Root::new).collect();
        Ok(Self {
            signing: SigningKey::all(&roots, rsa, config.tokens.algorithm)?,
            refresh: Seal::new(&roots, "refresh-token/mac"),
            cursor: Seal::new(&roots, "cursor/mac"),
            code: Seal::new(&roots, "one-time-code/mac"),
            password: Seal::new(&roots, "registration-password/mac"),
            links: [
                (Purpose::VerifyEmail, Seal::new(&roots, "link/verify-email/mac")),
                (Purpose::ResetPassword, Seal::new(&roots, "link/reset-password/mac")),
                (Purpose::SignIn, Seal::new(&roots, "link/sign-in/mac")),
            ],
            undo: Seal::new(&roots, "link/undo/mac"),
            otp_length: config.codes.otp_length,
            verified: (config.database.viewer_cache_size > 0)
                .then(|| Cache::new(config.database.viewer_cache_size)),
            issuer: config.tokens.issuer.clone(),
            audience: config.tokens.audience.clone(),
            claims: config.tokens.claims.clone(),
            access_token_ttl: time::Duration::try_from(config.tokens.access_token_ttl)
                .unwrap_or(time::Duration::HOUR),
        })
    }

    /// The public keys, for whoever verifies access tokens (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.signing.iter().map(|key| key.jwk.clone()).collect() }
    }

    /// The access token that goes with the session's newest refresh token. It says the same each time for the same
    /// `issued_at`, and never outlives the session.
    ///
    /// # Errors
    /// If the cryptographic library refuses to sign, which it has no reason to.
    pub fn access_token(
        &self,
        session: &session::Model,
        user: &user::Model,
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<AccessToken, Error> {
        let expires_at = (issued_at + self.access_token_ttl).min(session.expires_at.0);
        let says = |claim| self.claims.contains(&claim);
        let issued = Issued {
            iss: &self.issuer,
            sub: user.id,
            aud: &self.audience,
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
            amr: amr(&session.methods()),
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
        // RFC 7515 §3.1; `jsonwebtoken::encode` reads the key anew each time, which takes as long as to sign with it
        let key = &self.signing[0];
        let mut token = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(serde_json::to_vec(&issued)?));
        let signature = key.sign(&token)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(AccessToken { token: token.into(), expires_in: (expires_at - now).whole_seconds().max(0) })
    }

    /// Reads an access token. The algorithm, type, issuer and audience are pinned (RFC 8725).
    ///
    /// # Errors
    /// Why it is not good.
    pub fn read_access_token(&self, token: &str, now: OffsetDateTime) -> Result<AccessClaims, Rejected> {
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

    /// What an access token says whose signature is good, expired or not.
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
        validation.set_audience(&[&self.audience]);
        // without this a token that lacks `iss` or `aud` passes
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `exp` is judged by our clock
        validation.validate_exp = false;
        validation
    }

    /// The refresh token with this counter. Nothing of it is stored: it says the same each time.
    #[must_use]
    pub fn refresh_token(&self, session_id: Uuid, counter: i64) -> SecretString {
        let mut content = [0; REFRESH_TOKEN_BYTES];
        content[..16].copy_from_slice(session_id.as_bytes());
        content[16..].copy_from_slice(&counter.to_be_bytes());
        self.refresh.seal(&content).into()
    }

    /// Reads a refresh token; none if we did not issue it.
    #[must_use]
    pub fn read_refresh_token(&self, token: &str) -> Option<RefreshClaims> {
        let content = self.refresh.open::<REFRESH_TOKEN_BYTES>(token)?;
        let (session_id, counter) = content.split_at(16);
        Some(RefreshClaims {
            session_id: Uuid::from_slice(session_id).ok()?,
            counter: i64::from_be_bytes(counter.try_into().ok()?),
        })
    }

    /// The one-time code of a challenge. Nothing of it is stored: it says the same each time.
    #[must_use]
    pub fn one_time_code(&self, challenge: Uuid) -> SecretString {
        self.code.digits(challenge.as_bytes(), self.otp_length).into()
    }

    /// Whether this is the one-time code of a challenge.
    #[must_use]
    pub fn is_one_time_code(&self, challenge: Uuid, code: &str) -> bool {
        self.code.are_digits(challenge.as_bytes(), self.otp_length, code)
    }

    /// 16 bits of the MAC of a password. Its hash goes into it, so that equal passwords have different MACs.
    #[must_use]
    pub fn password_mac(&self, hash: &str, password: &SecretString) -> u16 {
        self.password.hint(&with_hash(hash, password))
    }

    /// Whether this may be the MAC of a password. Of a wrong password it is once in 65,536 times.
    #[must_use]
    pub fn is_password_mac(&self, mac: u16, hash: &str, password: &SecretString) -> bool {
        self.password.is_hint(&with_hash(hash, password), mac)
    }

    /// The token in a challenge's link; `None` for a purpose that has no links. Nothing of it is stored: it is the same each time.
    #[must_use]
    pub fn link_token(&self, purpose: Purpose, link_id: Uuid) -> Option<SecretString> {
        Some(self.link(purpose)?.seal(link_id.as_bytes()).into())
    }

    /// The link id in a token for this purpose; `None` if we did not issue it.
    #[must_use]
    pub fn read_link_token(&self, purpose: Purpose, token: &str) -> Option<Uuid> {
        self.link(purpose)?.open(token).map(Uuid::from_bytes)
    }

    fn link(&self, purpose: Purpose) -> Option<&Seal> {
        self.links.iter().find(|(of, _)| *of == purpose).map(|(_, seal)| seal)
    }

    /// The token of the link that undoes a security change. Nothing of it is stored: it is the same each time.
    #[must_use]
    pub fn undo_token(&self, change: Uuid) -> SecretString {
        self.undo.seal(change.as_bytes()).into()
    }

    /// The security change that a token undoes; `None` if we did not issue it.
    #[must_use]
    pub fn read_undo_token(&self, token: &str) -> Option<Uuid> {
        self.undo.open(token).map(Uuid::from_bytes)
    }

    /// The cursor of a row: what a list goes on from.
    #[must_use]
    pub fn cursor(&self, id: Uuid) -> String {
        self.cursor.seal(id.as_bytes())
    }

    /// The row of a cursor; none if we did not issue it.
    #[must_use]
    pub fn read_cursor(&self, cursor: &str) -> Option<Uuid> {
        self.cursor.open(cursor).map(Uuid::from_bytes)
    }
}

/// The values of the claim `amr`, each once.
fn amr(methods: &[AuthenticationMethod]) -> Vec<&'static str> {
    let mut values: Vec<_> = methods.iter().map(|method| method.amr()).collect();
    values.dedup();
    values
}

/// A hash holds no NUL, so each pair has bytes of its own.
fn with_hash(hash: &str, password: &SecretString) -> Vec<u8> {
    [hash.as_bytes(), &[0], password.expose_secret().as_bytes()].concat()
}
