//! The encodings of credentials: base64url, and CBOR (RFC 8949).

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use coset::cbor::{Value, de};
use serde::{Deserialize, Deserializer, de::Error};

use super::Rejected;

/// The maximum nesting depth of a CBOR item. Attestation objects have 4 levels.
const MAX_CBOR_DEPTH: usize = 16;

/// Decodes base64url without padding, which browsers write, or with padding, which some libraries write.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes that JSON represents as a base64url string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        LENIENT.decode(text).map(Self).map_err(D::Error::custom)
    }
}

/// Encodes bytes in base64url without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url, with padding or without.
pub(super) fn decode_base64url(text: &str) -> Result<Vec<u8>, Rejected> {
    LENIENT.decode(text).map_err(|_| Rejected::Malformed)
}

/// Reads one CBOR item, and returns it with the bytes that follow it.
pub(super) fn read_cbor(mut bytes: &[u8]) -> Result<(Value, &[u8]), Rejected> {
    let item = de::from_reader_with_recursion_limit(&mut bytes, MAX_CBOR_DEPTH);
    item.map(|item| (item, bytes)).map_err(|_| Rejected::Malformed)
}
