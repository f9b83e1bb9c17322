//! The secrets of authenticator apps, encrypted in the database under `SECRET_KEY`.

use aws_lc_rs::error::Unspecified;
use uuid::Uuid;

use super::{seal::Root, vault::Vault};

/// The length of a secret in bytes, as recommended in RFC 4226 §4.
const BYTES: usize = 20;

/// Encrypts and decrypts the secrets.
pub struct TotpSecrets {
    /// The key of the current `SECRET_KEY`.
    current: Vault,
    /// The keys of `SECRET_KEY_FALLBACKS`.
    former: Vec<Vault>,
}

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTotpSecret {
    /// The secret, encrypted.
    pub sealed_secret: String,
    /// The name of the `SECRET_KEY` under which it is encrypted.
    pub secret_name: String,
}

impl TotpSecrets {
    pub(super) fn new(roots: &[Root]) -> Result<Self, Unspecified> {
        let mut all = roots.iter().map(|root| Vault::new(root, "totp-secret"));
        Ok(Self { current: all.next().ok_or(Unspecified)??, former: all.collect::<Result<_, _>>()? })
    }

    /// Returns the name of the current `SECRET_KEY`.
    #[must_use]
    pub fn current_name(&self) -> &str {
        self.current.name()
    }

    /// Returns the names of `SECRET_KEY_FALLBACKS`.
    #[must_use]
    pub fn former_names(&self) -> Vec<String> {
        self.former.iter().map(|vault| vault.name().to_owned()).collect()
    }

    /// Encrypts the secret of an authenticator.
    ///
    /// # Errors
    /// Fails if the cryptographic library fails.
    pub fn seal(&self, authenticator: Uuid, secret: &[u8; BYTES]) -> Result<SealedTotpSecret, Unspecified> {
        Ok(SealedTotpSecret {
            sealed_secret: self.current.seal(secret, authenticator.as_bytes())?,
            secret_name: self.current.name().to_owned(),
        })
    }

    /// Decrypts the secret of an authenticator. Returns `None` if it was not encrypted under `SECRET_KEY` or one of its
    /// fallbacks.
    #[must_use]
    pub fn open(&self, authenticator: Uuid, sealed_secret: &str) -> Option<[u8; BYTES]> {
        let mut vaults = std::iter::once(&self.current).chain(&self.former);
        let secret = vaults.find_map(|vault| vault.open(sealed_secret, authenticator.as_bytes()))?;
        secret.try_into().ok()
    }
}
