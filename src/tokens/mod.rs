//! Access tokens, refresh tokens, one-time codes, links and cursors, and their keys.
//!
//! Every key is derived from `SECRET_KEY` with HKDF (RFC 5869), each with its own label, so servers that
//! share the setting share the keys. Keys derived from `SECRET_KEY_FALLBACKS` still verify and appear in the
//! JWKS, but sign nothing. RSA keys cannot be derived, so [`rsa_keys`] stores them.

mod access_token;
mod amr;
pub mod rsa_keys;
mod seal;
mod signing;
mod totp_secrets;
mod vault;

use aws_lc_rs::rsa::KeyPair;
use jsonwebtoken::{
    errors::{Error, ErrorKind},
    jwk::JwkSet,
};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::Config,
    storage::{challenge::Purpose, session, user},
};
use access_token::AccessTokens;
use seal::{Root, Seal};

pub use access_token::{AccessClaims, AccessToken, Audience, ENROLMENT_AUDIENCE, Rejected};
pub use amr::Amr;
pub use totp_secrets::{SealedTotpSecret, TotpSecrets};

/// The length of a refresh token's content, which is the session's ID and a counter. With its MAC, the token is 54
/// characters long.
const REFRESH_TOKEN_BYTES: usize = 16 + 8;

/// Issues and reads tokens.
pub struct Tokens {
    access: AccessTokens,
    refresh: Seal,
    cursor: Seal,
    code: Seal,
    confirmation: Seal,
    password: Seal,
    /// A separate seal for each purpose, so that a link for one purpose is invalid for another.
    links: [(Purpose, Seal); 3],
    undo: Seal,
    passkey_challenge: Seal,
    /// Encrypts the secrets of authenticator apps.
    pub totp_secrets: TotpSecrets,
    otp_length: u8,
}

/// The purpose of a passkey ceremony. A challenge for one purpose is invalid for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after what the user does")]
pub enum CeremonyPurpose {
    Login = 1,
    Creation = 2,
    SecondFactor = 3,
    Reauthentication = 4,
}

/// The length of the number that people compare before they confirm a sign-in on another device. The number is not
/// secret.
const CONFIRMATION_DIGITS: u8 = 2;

/// The content of a valid refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The session's ID.
    pub session_id: Uuid,
    /// The counter of the token in its session. Each new pair of tokens increments it.
    pub counter: i64,
}

impl Tokens {
    /// Derives the keys, and takes the RSA keys that [`rsa_keys::load`] returned.
    ///
    /// # Errors
    /// Fails if the cryptographic library rejects a key, or if `JWT_ALGORITHM` is `RS256` and there is no RSA
    /// key.
    pub fn new(config: &Config, rsa: Vec<KeyPair>) -> Result<Self, Error> {
        let roots: Vec<Root> = config.tokens.secrets().map(Root::new).collect();
        Ok(Self {
            access: AccessTokens::new(config, &roots, rsa)?,
            refresh: Seal::new(&roots, "refresh-token/mac"),
            cursor: Seal::new(&roots, "cursor/mac"),
            code: Seal::new(&roots, "one-time-code/mac"),
            confirmation: Seal::new(&roots, "confirmation-number/mac"),
            password: Seal::new(&roots, "registration-password/mac"),
            links: [
                (Purpose::VerifyEmail, Seal::new(&roots, "link/verify-email/mac")),
                (Purpose::ResetPassword, Seal::new(&roots, "link/reset-password/mac")),
                (Purpose::SignIn, Seal::new(&roots, "link/sign-in/mac")),
            ],
            undo: Seal::new(&roots, "link/undo/mac"),
            passkey_challenge: Seal::new(&roots, "passkey-challenge"),
            totp_secrets: TotpSecrets::new(&roots).map_err(|_| ErrorKind::InvalidKeyFormat)?,
            otp_length: config.codes.otp_length,
        })
    }

    /// Returns the public keys, with which other services verify access tokens (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        self.access.jwks()
    }

    /// Issues the access token that goes with the session's newest refresh token. The same `issued_at` always results
    /// in the same token, which never outlives the session.
    pub fn access_token(
        &self,
        session: &session::Model,
        user: &user::Model,
        audience: Audience,
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<AccessToken, Error> {
        self.access.issue(session, user, (Amr::of(&session.methods()), audience), issued_at, now)
    }

    /// Issues a new access token with this `amr` and this audience to the holder of an existing one.
    pub fn further_access_token(
        &self,
        session: &session::Model,
        user: &user::Model,
        (amr, audience): (Amr, Audience),
        now: OffsetDateTime,
    ) -> Result<AccessToken, Error> {
        self.access.issue(session, user, (amr, audience), now, now)
    }

    /// Reads an access token. The algorithm, type, issuer and audience are pinned (RFC 8725).
    pub fn read_access_token(&self, token: &str, now: OffsetDateTime) -> Result<AccessClaims, Rejected> {
        self.access.read(token, now)
    }

    /// Returns the refresh token with this counter. It is derived, not stored, so the result is always the
    /// same.
    #[must_use]
    pub fn refresh_token(&self, session_id: Uuid, counter: i64) -> SecretString {
        let mut content = [0; REFRESH_TOKEN_BYTES];
        content[..16].copy_from_slice(session_id.as_bytes());
        content[16..].copy_from_slice(&counter.to_be_bytes());
        self.refresh.seal(&content).into()
    }

    /// Reads a refresh token. Returns `None` if this server did not issue it.
    #[must_use]
    pub fn read_refresh_token(&self, token: &str) -> Option<RefreshClaims> {
        let content = self.refresh.open::<REFRESH_TOKEN_BYTES>(token)?;
        let (session_id, counter) = content.split_at(16);
        Some(RefreshClaims {
            session_id: Uuid::from_slice(session_id).ok()?,
            counter: i64::from_be_bytes(counter.try_into().ok()?),
        })
    }

    /// Returns the one-time code of a challenge. It is derived, not stored, so the result is always the same.
    #[must_use]
    pub fn one_time_code(&self, challenge: Uuid) -> SecretString {
        self.code.digits(challenge.as_bytes(), self.otp_length).into()
    }

    /// Returns whether this is the one-time code of the challenge.
    #[must_use]
    pub fn is_one_time_code(&self, challenge: Uuid, code: &str) -> bool {
        self.code.are_digits(challenge.as_bytes(), self.otp_length, code)
    }

    /// Returns the number that is shown both where the challenge was requested and where its link is opened. It is
    /// derived, not stored.
    #[must_use]
    pub fn confirmation_number(&self, challenge: Uuid) -> String {
        self.confirmation.digits(challenge.as_bytes(), CONFIRMATION_DIGITS)
    }

    /// Returns whether this is the confirmation number of the challenge.
    #[must_use]
    pub fn is_confirmation_number(&self, challenge: Uuid, number: &str) -> bool {
        self.confirmation.are_digits(challenge.as_bytes(), CONFIRMATION_DIGITS, number)
    }

    /// Returns 16 bits of the MAC of a password. They depend on the password's hash too, so equal passwords
    /// have different MACs.
    #[must_use]
    pub fn password_mac(&self, hash: &str, password: &SecretString) -> u16 {
        self.password.hint(&with_hash(hash, password))
    }

    /// Returns whether the MAC matches the password. One in 65,536 wrong passwords matches too.
    #[must_use]
    pub fn is_password_mac(&self, mac: u16, hash: &str, password: &SecretString) -> bool {
        self.password.is_hint(&with_hash(hash, password), mac)
    }

    /// Returns the token for a challenge's link, or `None` if the purpose has no links. It is derived, not
    /// stored.
    #[must_use]
    pub fn link_token(&self, purpose: Purpose, link_id: Uuid) -> Option<SecretString> {
        Some(self.link(purpose)?.seal(link_id.as_bytes()).into())
    }

    /// Returns the link ID in a token for this purpose, or `None` if this server did not issue the token.
    #[must_use]
    pub fn read_link_token(&self, purpose: Purpose, token: &str) -> Option<Uuid> {
        self.link(purpose)?.open(token).map(Uuid::from_bytes)
    }

    fn link(&self, purpose: Purpose) -> Option<&Seal> {
        self.links.iter().find(|(of, _)| *of == purpose).map(|(_, seal)| seal)
    }

    /// Returns the token of the link that undoes a security change. It is derived, not stored.
    #[must_use]
    pub fn undo_token(&self, change: Uuid) -> SecretString {
        self.undo.seal(change.as_bytes()).into()
    }

    /// Returns the ID of the security change in a token, or `None` if this server did not issue the token.
    #[must_use]
    pub fn read_undo_token(&self, token: &str) -> Option<Uuid> {
        self.undo.open(token).map(Uuid::from_bytes)
    }

    /// Returns the challenges of a passkey ceremony, one for each secret, starting with the current `SECRET_KEY`. They
    /// are derived, not stored.
    pub fn passkey_challenges(&self, purpose: CeremonyPurpose, id: Uuid) -> impl Iterator<Item = [u8; 32]> {
        self.passkey_challenge.macs([&[purpose as u8], id.as_bytes().as_slice()].concat())
    }

    /// Returns the cursor with which a list continues after this row.
    #[must_use]
    pub fn cursor(&self, id: Uuid) -> String {
        self.cursor.seal(id.as_bytes())
    }

    /// Returns the ID of a cursor's row, or `None` if this server did not issue the cursor.
    #[must_use]
    pub fn read_cursor(&self, cursor: &str) -> Option<Uuid> {
        self.cursor.open(cursor).map(Uuid::from_bytes)
    }
}

/// Joins a hash and a password. A hash contains no NUL, so different pairs result in different bytes.
fn with_hash(hash: &str, password: &SecretString) -> Vec<u8> {
    [hash.as_bytes(), &[0], password.expose_secret().as_bytes()].concat()
}
