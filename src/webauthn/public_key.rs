//! The public keys of passkeys, and their signatures (§6.5.6, RFC 9053, RFC 8812).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    VerificationAlgorithm,
};
use coset::{
    CborSerializable, CoseKey, Label, RegisteredLabelWithPrivate,
    cbor::Value,
    iana::{self, Ec2KeyParameter, EllipticCurve, EnumI64, KeyType, OkpKeyParameter, RsaKeyParameter},
};

use super::Rejected;

/// The algorithms that are offered, the preferred one first: `EdDSA` with Ed25519, ES256, and RS256 for Windows Hello.
pub(super) const ALGORITHMS: [iana::Algorithm; 3] =
    [iana::Algorithm::EdDSA, iana::Algorithm::ES256, iana::Algorithm::RS256];

/// A public key.
#[derive(Debug)]
pub(super) enum PublicKey {
    /// A key on Ed25519 or P-256.
    Curve(ParsedPublicKey),
    /// An RSA key of at least 2048 bits, used with PKCS #1 v1.5 padding.
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

impl PublicKey {
    /// Parses a `COSE_Key`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let key = CoseKey::from_slice(bytes).map_err(|_| Rejected::Malformed)?;
        let Some(RegisteredLabelWithPrivate::Assigned(algorithm)) = key.alg else {
            return Err(Rejected::Algorithm);
        };
        let is_of = |kind: KeyType| key.kty == coset::KeyType::Assigned(kind);
        let has_curve = |curve: EllipticCurve| {
            let named = parameter(&key, Ec2KeyParameter::Crv.to_i64()).and_then(Value::as_integer);
            named == Some(curve.to_i64().into())
        };
        match algorithm {
            iana::Algorithm::EdDSA if is_of(KeyType::OKP) && has_curve(EllipticCurve::Ed25519) => {
                Self::on_curve(&ED25519, &bytes_of(&key, OkpKeyParameter::X.to_i64(), 32..=32)?)
            }
            iana::Algorithm::ES256 if is_of(KeyType::EC2) && has_curve(EllipticCurve::P_256) => {
                let x = bytes_of(&key, Ec2KeyParameter::X.to_i64(), 32..=32)?;
                let y = bytes_of(&key, Ec2KeyParameter::Y.to_i64(), 32..=32)?;
                Self::on_curve(&ECDSA_P256_SHA256_ASN1, &[&[4], x.as_slice(), &y].concat())
            }
            iana::Algorithm::RS256 if is_of(KeyType::RSA) => {
                let n = bytes_of(&key, RsaKeyParameter::N.to_i64(), 256..=1024)?;
                let e = bytes_of(&key, RsaKeyParameter::E.to_i64(), 1..=4)?;
                Ok(Self::Rsa(RsaPublicKeyComponents { n, e }))
            }
            _ => Err(Rejected::Algorithm),
        }
    }

    /// Returns the key with this point. Fails if the point is not on the curve.
    fn on_curve(algorithm: &'static dyn VerificationAlgorithm, point: &[u8]) -> Result<Self, Rejected> {
        ParsedPublicKey::new(algorithm, point).map(Self::Curve).map_err(|_| Rejected::Malformed)
    }

    /// Returns whether the signature of a message was made with the matching private key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Curve(key) => key.verify_sig(message, signature),
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }
}

fn parameter(key: &CoseKey, label: i64) -> Option<&Value> {
    let label = Label::Int(label);
    key.params.iter().find(|(own, _)| *own == label).map(|(_, value)| value)
}

fn bytes_of(
    key: &CoseKey,
    label: i64,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, Rejected> {
    let bytes = parameter(key, label).and_then(Value::as_bytes);
    bytes.filter(|bytes| lengths.contains(&bytes.len())).cloned().ok_or(Rejected::Malformed)
}
