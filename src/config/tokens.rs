//! The settings of secrets, tokens and sessions.

use std::{path::Path, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio_rustls::rustls::pki_types::{
    PrivateKeyDer,
    pem::{self, PemObject},
};
use url::Url;

use super::{
    kept_secret_key::kept_secret_key,
    mode::Mode,
    reader::{DefaultValue, Reader},
    values::{DAY, MINUTE, SECOND, duration, list, one_of, optional, text, within},
};
use crate::secrets::SecretKey;

/// How tokens are issued, and how long they and their sessions last.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct TokenConfig {
    pub secret_key: SecretKey,
    pub secret_key_fallbacks: Vec<SecretKey>,
    pub access_token_ttl: Duration,
    pub refresh_token_ttl: Duration,
    pub refresh_grace: Duration,
    pub session_max_age: Duration,
    pub step_up_max_age: Duration,
    pub max_sessions_per_user: u32,
    pub issuer: String,
    pub audience: String,
    pub algorithm: JwtAlgorithm,
    /// The RSA keys, with the signing key first. If the list is empty, keys are generated and stored in the database.
    pub rsa_keys: Vec<Arc<PrivateKeyDer<'static>>>,
    pub claims: Vec<Claim>,
    /// The secret for token introspection. `None` if introspection is off.
    pub introspection_secret: Option<SecretString>,
}

/// An algorithm for signing access tokens (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256, for libraries that do not support Ed25519.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for libraries that support nothing else.
    Rs256,
}

/// A claim about the user in an access token. The names come from OpenID Connect Core §5.1, except `role` and `bio`,
/// which are Gatehouse's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its claim")]
pub enum Claim {
    Email,
    EmailVerified,
    PreferredUsername,
    Name,
    GivenName,
    FamilyName,
    Picture,
    Role,
    Bio,
}

impl TokenConfig {
    pub(super) fn read(r: &mut Reader<'_>, data_dir: &Path, public_url: &str) -> Self {
        r.section("Secrets, tokens and sessions", "");
        let secret_key = secret_key(r, data_dir);
        let secret_key_fallbacks = r.setting(
            "SECRET_KEY_FALLBACKS",
            "",
            "Former keys, which still verify tokens and decrypt stored secrets. See [Changing the \
             secret](operating.md#changing-the-secret).",
            |s| list(s, |key| SecretKey::parse(key).map_err(|e| format!("contains a key that {e}"))),
        );
        r.check(
            !secret_key_fallbacks.contains(&secret_key),
            "SECRET_KEY_FALLBACKS contains SECRET_KEY itself",
        );
        let access_token_ttl =
            r.setting("ACCESS_TOKEN_TTL", "30m", "The lifetime of an access token.", |s| {
                duration(s, SECOND..=DAY)
            });
        let refresh_token_ttl = r.setting(
            "REFRESH_TOKEN_TTL",
            "24h",
            "The lifetime of a refresh token, from when it is issued.",
            |s| duration(s, SECOND..=365 * DAY),
        );
        let refresh_grace = r.setting(
            "REFRESH_GRACE",
            "30s",
            "How long a spent refresh token still returns its successor, even if the successor has since been used or lost.",
            |s| duration(s, Duration::ZERO..=10 * MINUTE),
        );
        let session_max_age = r.setting(
            "SESSION_MAX_AGE",
            "30d",
            "The maximum lifetime of a session, no matter how often it is refreshed.",
            |s| duration(s, SECOND..=3650 * DAY),
        );
        r.check(access_token_ttl <= refresh_token_ttl, "ACCESS_TOKEN_TTL must not exceed REFRESH_TOKEN_TTL");
        r.check(refresh_token_ttl <= session_max_age, "REFRESH_TOKEN_TTL must not exceed SESSION_MAX_AGE");
        r.check(refresh_grace <= refresh_token_ttl, "REFRESH_GRACE must not exceed REFRESH_TOKEN_TTL");
        Self {
            secret_key,
            secret_key_fallbacks,
            access_token_ttl,
            refresh_token_ttl,
            refresh_grace,
            session_max_age,
            step_up_max_age: r.setting(
                "STEP_UP_MAX_AGE",
                "10m",
                "How long a sign-in or reauthentication counts as recent for operations that require more than a session.",
                |s| duration(s, MINUTE..=DAY),
            ),
            max_sessions_per_user: r.setting(
                "MAX_SESSIONS_PER_USER",
                "50",
                "The maximum number of live sessions of one user, from 1 to 1000. A further sign-in ends the oldest session.",
                |s| within(s, 1..=1000),
            ),
            issuer: r.setting(
                "JWT_ISSUER",
                DefaultValue::derived(public_url, "the value of `PUBLIC_URL`"),
                "The `iss` claim of access tokens.",
                jwt_issuer,
            ),
            audience: r.setting(
                "JWT_AUDIENCE",
                DefaultValue::derived(public_url, "the value of `PUBLIC_URL`"),
                "The `aud` claim of access tokens.",
                text,
            ),
            algorithm: r.setting(
                "JWT_ALGORITHM",
                "EdDSA",
                "The algorithm that signs access tokens: `EdDSA`, or `ES256` or `RS256` for libraries that do not \
                 support Ed25519. A change does not invalidate any tokens.",
                jwt_algorithm,
            ),
            rsa_keys: r.setting(
                "JWT_RSA_KEY_FILE",
                "",
                "Files with private RSA keys (PEM, 2,048 to 4,096 bits) for `RS256`. The first key signs, and all of \
                 them verify. Without a file, each secret key has a generated RSA key in the database, encrypted \
                 with that secret key.",
                |s| list(s, rsa_key_file),
            ),
            claims: r.setting(
                "JWT_CLAIMS",
                "email,email_verified,preferred_username,name,role",
                "The claims about the user that access tokens contain. `given_name`, `family_name`, `picture` and \
                 `bio` are available too.",
                |s| list(s, claim),
            ),
            introspection_secret: r.setting(
                "INTROSPECTION_SECRET",
                "",
                "The secret that other services need to ask `/oauth/introspect` whether an access token still works (RFC \
                 7662). It must have at least 32 characters. Without it, the endpoint is off. See [Verifying \
                 tokens](verifying-tokens.md).",
                |s| optional(s, introspection_secret),
            ),
        }
    }

    /// Returns the current secret, then the former ones.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretKey> {
        std::iter::once(&self.secret_key).chain(&self.secret_key_fallbacks)
    }
}

/// Reads the secret. If none is given, `dev` generates one at its first start and stores it. Commands use a random one,
/// because they sign nothing.
fn secret_key(r: &mut Reader<'_>, data_dir: &Path) -> SecretKey {
    let name = "SECRET_KEY";
    let key = match (r.find(name), r.mode) {
        (Some(found), _) => found.text().and_then(|text| SecretKey::parse(text).map_err(str::to_owned)),
        (None, Mode::Serve) => Err("is missing".to_owned()),
        (None, Mode::Dev) => kept_secret_key(&data_dir.join("secret_key")),
        (None, Mode::Command) => Ok(SecretKey::generate().0),
    };
    r.record(
        name,
        &DefaultValue::derived("", "generated and kept in `DATA_DIR`").required_by_serve(),
        "The secret from which all keys are derived: 32 random bytes in hex or base64. `gatehouse secret` prints one.",
        "(hidden)".to_owned(),
    );
    key.unwrap_or_else(|problem| {
        r.refuse(name, &format!("{problem}; `gatehouse secret` prints a good one"));
        SecretKey::generate().0
    })
}

fn jwt_issuer(s: &str) -> Result<String, String> {
    match Url::parse(s) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.query().is_none() => Ok(s.to_owned()),
        _ => Err("must be a URL like https://accounts.example.org (RFC 8414)".to_owned()),
    }
}

fn jwt_algorithm(s: &str) -> Result<JwtAlgorithm, String> {
    let all =
        [("EdDSA", JwtAlgorithm::EdDsa), ("ES256", JwtAlgorithm::Es256), ("RS256", JwtAlgorithm::Rs256)];
    one_of(s, &all)
}

/// Reads a PEM file with a private key in PKCS#8 or PKCS#1.
fn rsa_key_file(path: &str) -> Result<Arc<PrivateKeyDer<'static>>, String> {
    // the error must not repeat anything from the file, which may contain a secret
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::Io(error) => format!("names {path}, which cannot be read: {error}"),
        _ => format!("names {path}, which contains no private key in PEM"),
    })?;
    Ok(Arc::new(key))
}

fn introspection_secret(s: &str) -> Result<SecretString, String> {
    if s.len() < 32 || !s.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "must have at least 32 characters and no blanks: `gatehouse secret` prints a good one".to_owned()
        );
    }
    Ok(s.into())
}

fn claim(s: &str) -> Result<Claim, String> {
    one_of(
        s,
        &[
            ("email", Claim::Email),
            ("email_verified", Claim::EmailVerified),
            ("preferred_username", Claim::PreferredUsername),
            ("name", Claim::Name),
            ("given_name", Claim::GivenName),
            ("family_name", Claim::FamilyName),
            ("picture", Claim::Picture),
            ("role", Claim::Role),
            ("bio", Claim::Bio),
        ],
    )
    .map_err(|choices| format!("contains `{s}`; each {choices}"))
}
