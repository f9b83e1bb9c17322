//! The keys with which a stand-in for a provider signs tokens.

use std::io;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::random;
use crate::config::ProviderKind;

/// A signing key and its ID.
pub(super) struct Key {
    pub(super) kid: String,
    pair: Pair,
}

enum Pair {
    /// A key of 2048 bits.
    Rsa(rsa::KeyPair),
    /// A key on the curve P-256.
    Ec(EcdsaKeyPair),
}

impl Key {
    /// Generates an RSA key or, for a generic OpenID Connect provider, a P-256 key.
    pub(super) fn generate(kind: ProviderKind) -> io::Result<Self> {
        let pair = match kind {
            ProviderKind::Oidc => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(io::Error::other)?)
            }
            _ => Pair::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?),
        };
        Ok(Self { kid: random(), pair })
    }

    /// Returns the algorithm of the key.
    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// Returns the public key (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({
                    "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid,
                    "n": text(&public.n), "e": text(&public.e),
                })
            }
            Pair::Ec(pair) => {
                // an uncompressed point: 4, x, y (SEC 1 §2.3.3)
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({
                    "kty": "EC", "alg": "ES256", "use": "sig", "kid": self.kid, "crv": "P-256",
                    "x": text(x), "y": text(y),
                })
            }
        }
    }

    /// Returns a signed JWT with this header, even if the header is not valid.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> io::Result<String> {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .map_err(io::Error::other)?;
                signature
            }
            Pair::Ec(pair) => {
                pair.sign(&random, message.as_bytes()).map_err(io::Error::other)?.as_ref().to_vec()
            }
        };
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
