//! The keys that sign access tokens.
//!
//! Every secret has a key for each algorithm, and the JWKS lists them all. A change of `JWT_ALGORITHM` therefore
//! invalidates no tokens, either here or in other services.

use aws_lc_rs::{
    agreement,
    rand::SystemRandom,
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    errors::{Error, ErrorKind},
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
        EllipticCurveKeyType, Jwk, KeyAlgorithm, OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse,
        RSAKeyParameters, RSAKeyType, ThumbprintHash,
    },
};

use super::seal::Root;
use crate::config::JwtAlgorithm;

/// The `typ` of access tokens, which distinguishes them from ID tokens (RFC 9068 §2.1).
pub(super) const TYPE: &str = "at+jwt";

/// How many numbers to try as a P-256 private key. Only one number in four billion is unsuitable.
const MOST_NUMBERS: u8 = 8;

/// A key pair with its public metadata.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) jwk: Jwk,
    pub(super) algorithm: Algorithm,
    pub(super) decode: DecodingKey,
    /// The encoded header of every token that the key signs.
    pub(super) header: String,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl SigningKey {
    /// Returns the keys of all secrets for all algorithms. The first key signs. It belongs to the current secret and to
    /// the algorithm in `signs`.
    ///
    /// # Errors
    /// Fails if the cryptographic library rejects a key, or if `signs` is RS256 and there is no RSA key.
    pub(super) fn all(
        roots: &[Root],
        rsa: Vec<rsa::KeyPair>,
        signs: JwtAlgorithm,
    ) -> Result<Vec<Self>, Error> {
        let mut keys = Vec::with_capacity(2 * roots.len() + rsa.len());
        for root in roots {
            keys.push(Self::ed25519(root)?);
        }
        for root in roots {
            keys.push(Self::p256(root)?);
        }
        for pair in rsa {
            keys.push(Self::rsa(pair)?);
        }
        let algorithm = match signs {
            JwtAlgorithm::EdDsa => Algorithm::EdDSA,
            JwtAlgorithm::Es256 => Algorithm::ES256,
            JwtAlgorithm::Rs256 => Algorithm::RS256,
        };
        // the sort is stable, so the current secret's key stays first within each algorithm
        keys.sort_by_key(|key| key.algorithm != algorithm);
        match keys.first() {
            Some(first) if first.algorithm == algorithm => Ok(keys),
            _ => Err(ErrorKind::InvalidRsaKey("there is none to sign with".to_owned()).into()),
        }
    }

    fn ed25519(root: &Root) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&root.derive("access-token/ed25519"))
            .map_err(|_| ErrorKind::InvalidEddsaKey)?;
        let parameters = AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: URL_SAFE_NO_PAD.encode(pair.public_key()),
        });
        Self::new(Pair::Ed25519(pair), Algorithm::EdDSA, KeyAlgorithm::EdDSA, parameters)
    }

    fn p256(root: &Root) -> Result<Self, Error> {
        let (pair, public) = derive_p256(root).ok_or(ErrorKind::InvalidEcdsaKey)?;
        // an uncompressed point (SEC 1 §2.3.3): the byte 4, then the two coordinates
        let (x, y) = public[1..].split_at(32);
        let parameters = AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: EllipticCurve::P256,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        });
        Self::new(Pair::P256(pair), Algorithm::ES256, KeyAlgorithm::ES256, parameters)
    }

    fn rsa(pair: rsa::KeyPair) -> Result<Self, Error> {
        let public = pair.public_key();
        let parameters = AlgorithmParameters::RSA(RSAKeyParameters {
            key_type: RSAKeyType::RSA,
            n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        });
        Self::new(Pair::Rsa(pair), Algorithm::RS256, KeyAlgorithm::RS256, parameters)
    }

    fn new(
        pair: Pair,
        algorithm: Algorithm,
        in_jwk: KeyAlgorithm,
        parameters: AlgorithmParameters,
    ) -> Result<Self, Error> {
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(in_jwk),
            ..CommonParameters::default()
        };
        let mut jwk = Jwk { common, algorithm: parameters };
        // RFC 7638
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        let mut header = Header::new(algorithm);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid.clone());
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        Ok(Self { kid, decode: DecodingKey::try_from(&jwk)?, jwk, algorithm, header, pair })
    }

    /// Returns the signature of a text (RFC 7515 §5.1).
    pub(super) fn sign(&self, text: &str) -> Result<Vec<u8>, Error> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => {
                pair.try_sign(text.as_bytes()).map(|signature| signature.as_ref().to_vec())
            }
            Pair::P256(pair) => {
                pair.sign(&SystemRandom::new(), text.as_bytes()).map(|signature| signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
                    .map(|()| signature)
            }
        };
        signature.map_err(|_| ErrorKind::Signing("the cryptographic library refuses".to_owned()).into())
    }
}

/// Derives a P-256 key pair from a secret, and returns it with its public point.
fn derive_p256(root: &Root) -> Option<(EcdsaKeyPair, Vec<u8>)> {
    (0..MOST_NUMBERS).find_map(|number| {
        let private = root.derive(&format!("access-token/p256/{number}"));
        let public = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &private).ok()?;
        let public = public.compute_public_key().ok()?.as_ref().to_vec();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &private,
            &public,
        );
        Some((pair.ok()?, public))
    })
}
