//! RSA keys that sign access tokens. They cannot be derived from a secret, so they are stored: either in the operator's
//! files, or in the database, encrypted with the secret.
//!
//! Each secret has its own RSA key, just as it has its own derived keys for the other algorithms. A new `SECRET_KEY`
//! therefore results in a new RSA key, and the RSA key of a leaked secret disappears together with that secret.

use std::error::Error;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{seal::Root, vault::Vault};
use crate::{
    clock::Clock,
    config::{Config, JwtAlgorithm},
    storage::{Db, Timestamp, signing_key},
};

/// The size of a generated key, in bits. NIST SP 800-57 part 1 allows it until 2030.
const SIZE: KeySize = KeySize::Rsa2048;

/// The size in bytes of the largest key that common JWT libraries support.
const LARGEST: usize = 4096 / 8;

/// The label for deriving the keys that encrypt RSA keys.
const LABEL: &str = "access-token/rsa";

type LoadError = Box<dyn Error + Send + Sync>;

/// Returns the RSA keys that sign or verify access tokens, the signing key first.
///
/// Keys from `JWT_RSA_KEY_FILE` come before those from the database. With `JWT_ALGORITHM=RS256` and no file, a key is
/// created for every secret that has none. With another algorithm, only existing keys are read, so that a change of the
/// setting invalidates no tokens.
///
/// # Errors
/// Fails if a file contains no usable RSA key, or the database cannot be reached.
pub async fn load(config: &Config, db: &Db, clock: &Clock) -> Result<Vec<KeyPair>, LoadError> {
    let mut keys = Vec::new();
    for der in &config.tokens.rsa_keys {
        keys.push(read(der).map_err(|why| format!("JWT_RSA_KEY_FILE {why}"))?);
    }
    let vault = |secret| Vault::new(&Root::new(secret), LABEL);
    let vaults = config.tokens.secrets().map(vault).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = vaults.iter().map(|vault| vault.name().to_owned()).collect();
    let mut stored = signing_key::list(db.read(), &names).await?;
    if config.tokens.algorithm == JwtAlgorithm::Rs256 && keys.is_empty() && stored.len() < vaults.len() {
        for vault in &vaults {
            if stored.iter().all(|key| key.secret_name != vault.name()) {
                let key: Pkcs8V1Der<'_> = KeyPair::generate(SIZE)?.as_der()?;
                let key = signing_key::Model {
                    secret_name: vault.name().to_owned(),
                    sealed_key: vault.seal(key.as_ref(), &[])?,
                    created_at: Timestamp(clock.now()),
                };
                db.write_one(async move |txn| signing_key::insert_first(&txn, key).await).await?;
            }
        }
        stored = signing_key::list(db.read(), &names).await?;
    }
    for vault in &vaults {
        if let Some(row) = stored.iter().find(|key| key.secret_name == vault.name()) {
            let key = vault.open(&row.sealed_key, &[]).and_then(|der| KeyPair::from_pkcs8(&der).ok());
            keys.push(key.ok_or("a row of signing_keys was altered")?);
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
