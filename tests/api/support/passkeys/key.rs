//! The key pairs of passkeys.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
    },
};
use coset::cbor::Value as Cbor;

use super::sha256;

/// The algorithms of passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Returns the number of the algorithm in COSE.
    pub fn id(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }
}

/// A key pair.
pub enum KeyPair {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(rsa::KeyPair),
}

impl KeyPair {
    /// Makes a key pair. RSA keys have 2048 bits.
    pub fn generate(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::EdDsa(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Es256 => Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            Algorithm::Rs256 => Self::Rs256(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()),
        }
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Es256(_) => Algorithm::Es256,
            Self::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Returns the public key as a `COSE_Key` (RFC 9053, RFC 8230).
    pub fn cose(&self) -> Cbor {
        let number = |number: i64| Cbor::Integer(number.into());
        let (kind, rest) = match self {
            Self::EdDsa(key) => {
                (1, vec![(-1, number(6)), (-2, Cbor::Bytes(key.public_key().as_ref().to_vec()))])
            }
            Self::Es256(key) => {
                // an uncompressed point: 4, x and y
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                (2, vec![(-1, number(1)), (-2, Cbor::Bytes(x.to_vec())), (-3, Cbor::Bytes(y.to_vec()))])
            }
            Self::Rs256(key) => {
                let modulus = key.public_key().modulus().big_endian_without_leading_zero().to_vec();
                let exponent = key.public_key().exponent().big_endian_without_leading_zero().to_vec();
                (3, vec![(-1, Cbor::Bytes(modulus)), (-2, Cbor::Bytes(exponent))])
            }
        };
        let first = [(1, number(kind)), (3, number(self.algorithm().id()))];
        Cbor::Map(first.into_iter().chain(rest).map(|(label, value)| (number(label), value)).collect())
    }

    /// Returns the public key as a `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> Vec<u8> {
        let der = match self {
            Self::EdDsa(key) => key.public_key().as_der(),
            Self::Es256(key) => key.public_key().as_der(),
            Self::Rs256(key) => key.public_key().as_der(),
        };
        der.unwrap().as_ref().to_vec()
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Rs256(key) => sign_rsa(key, &RSA_PKCS1_SHA256, message),
        }
    }

    /// Signs a message with a digest that the algorithm does not use.
    pub fn sign_with_another_digest(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::EdDsa(_) | Self::Es256(_) => self.sign(&sha256(message)),
            Self::Rs256(key) => sign_rsa(key, &RSA_PKCS1_SHA512, message),
        }
    }

    /// Signs a message with the other RSA padding.
    pub fn sign_with_pss(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rs256(key) => sign_rsa(key, &RSA_PSS_SHA256, message),
            Self::EdDsa(_) | Self::Es256(_) => panic!("not an RSA key"),
        }
    }
}

fn sign_rsa(key: &rsa::KeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}
