//! Encryption of secrets that must be stored, because they cannot be derived from `SECRET_KEY`.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::seal::Root;

/// The key that is derived from one `SECRET_KEY` for one kind of secret.
pub(super) struct Vault {
    /// A name that identifies the `SECRET_KEY` without revealing anything about its value.
    name: String,
    key: RandomizedNonceKey,
}

impl Vault {
    /// Derives the key. The label names the kind of secret.
    pub(super) fn new(root: &Root, label: &str) -> Result<Self, Unspecified> {
        let name = URL_SAFE_NO_PAD.encode(&root.derive(&format!("{label}/name"))[..16]);
        Ok(Self { name, key: RandomizedNonceKey::new(&AES_256_GCM, &root.derive(&format!("{label}/key")))? })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Encrypts a secret with AES-256-GCM: nonce, ciphertext and tag, in base64url. Decrypting it requires the same
    /// `context`, so a secret cannot be moved to another row.
    pub(super) fn seal(&self, secret: &[u8], context: &[u8]) -> Result<String, Unspecified> {
        let mut bytes = secret.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(context), &mut bytes)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// Decrypts a secret. Returns `None` if the text was not encrypted with this key and context.
    pub(super) fn open(&self, text: &str, context: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(self.key.open_in_place(nonce, Aad::from(context), sealed).ok()?.to_vec())
    }
}
