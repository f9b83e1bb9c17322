//! RSA keys that sign access tokens. They cannot be derived from a secret, so they are stored: either in files of the
//! operator, or in the database, encrypted with the secret.
//!
//! Each secret has its own key, as with the algorithms whose keys are derived. So a new `SECRET_KEY` results in a new
//! RSA key, and the RSA key of a leaked secret disappears together with that secret.

use std::error::Error;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::seal::Root;
use crate::{
    clock::Clock,
    config::{Config, JwtAlgorithm},
    storage::{Db, Timestamp, signing_key},
};

/// The size of a generated key, in bits. NIST SP 800-57 part 1 allows it until 2030.
const SIZE: KeySize = KeySize::Rsa2048;

/// The size in bytes of the largest key that common JWT libraries support.
const LARGEST: usize = 4096 / 8;

type LoadError = Box<dyn Error + Send + Sync>;

/// Returns the RSA keys that sign or verify access tokens, the signing one first.
///
/// Keys from `JWT_RSA_KEY_FILE` come before those from the database. With `JWT_ALGORITHM=RS256` and no file,
/// a key is created for every secret that has none; with another algorithm only existing keys are read, so
/// that a changed setting invalidates no token.
///
/// # Errors
/// Fails if a file contains no usable RSA key, or the database cannot be reached.
pub async fn load(config: &Config, db: &Db, clock: &Clock) -> Result<Vec<KeyPair>, LoadError> {
    let mut keys = Vec::new();
    for der in &config.tokens.rsa_keys {
        keys.push(read(der).map_err(|why| format!("JWT_RSA_KEY_FILE {why}"))?);
    }
    let roots = config.tokens.secrets().map(Root::new).collect::<Vec<_>>();
    let names: Vec<_> = roots.iter().map(secret_name).collect();
    let mut stored = signing_key::list(db.read(), &names).await?;
    if config.tokens.algorithm == JwtAlgorithm::Rs256 && keys.is_empty() && stored.len() < roots.len() {
        for (root, name) in roots.iter().zip(&names) {
            if stored.iter().all(|key| key.secret_name != *name) {
                let key = signing_key::Model {
                    secret_name: name.clone(),
                    sealed_key: encrypt(root, &KeyPair::generate(SIZE)?)?,
                    created_at: Timestamp(clock.now()),
                };
                db.write_one(async move |txn| signing_key::insert_first(&txn, key).await).await?;
            }
        }
        stored = signing_key::list(db.read(), &names).await?;
    }
    for (root, name) in roots.iter().zip(&names) {
        if let Some(row) = stored.iter().find(|key| key.secret_name == *name) {
            keys.push(decrypt(root, &row.sealed_key).ok_or("a row of signing_keys was altered")?);
        }
    }
    Ok(keys)
}

fn read(der: &PrivateKeyDer<'_>) -> Result<KeyPair, &'static str> {
    let key = match der {
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err("contains a key that is not an RSA key"),
    };
    let key = key.map_err(|_| "contains a key that is not an RSA key of 2,048 to 4,096 bits")?;
    if key.public_modulus_len() > LARGEST {
        Err("contains an RSA key of more than 4,096 bits")
    } else {
        Ok(key)
    }
}

/// Returns a name for the secret that reveals nothing about it.
fn secret_name(root: &Root) -> String {
    URL_SAFE_NO_PAD.encode(&root.derive("access-token/rsa/name")[..16])
}

fn cipher(root: &Root) -> Result<RandomizedNonceKey, aws_lc_rs::error::Unspecified> {
    RandomizedNonceKey::new(&AES_256_GCM, &root.derive("access-token/rsa/key"))
}

/// Encrypts a key with AES-256-GCM: nonce, ciphertext and tag, in base64url.
fn encrypt(root: &Root, key: &KeyPair) -> Result<String, aws_lc_rs::error::Unspecified> {
    let der: Pkcs8V1Der<'_> = key.as_der()?;
    let mut bytes = der.as_ref().to_vec();
    let nonce = cipher(root)?.seal_in_place_append_tag(Aad::empty(), &mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
}

/// Decrypts a key. Returns `None` if the text was not encrypted under this secret.
fn decrypt(root: &Root, text: &str) -> Option<KeyPair> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let der = cipher(root).ok()?.open_in_place(nonce, Aad::empty(), sealed).ok()?;
    KeyPair::from_pkcs8(der).ok()
}
