//! Keys derived from `SECRET_KEY`, and short opaque tokens that only a holder of these keys can make.

use aws_lc_rs::{
    constant_time,
    hkdf::{HKDF_SHA256, Prk, Salt},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::secrets::SecretKey;

/// The length of a MAC: half of an HMAC-SHA256.
const MAC_BYTES: usize = 16;

/// The root from which all keys of one secret are derived.
pub(super) struct Root(Prk);

impl Root {
    pub(super) fn new(secret: &SecretKey) -> Self {
        Self(Salt::new(HKDF_SHA256, b"gatehouse").extract(secret.expose()))
    }

    /// Derives 32 bytes that are unique to this label.
    pub(super) fn derive(&self, label: &str) -> [u8; 32] {
        let mut key = [0; 32];
        self.0
            .expand(&[label.as_bytes()], HKDF_SHA256)
            .and_then(|output| output.fill(&mut key))
            .expect("HKDF-SHA256 gives 32 bytes");
        key
    }
}

/// Makes and reads tokens of one kind: a few bytes and their MAC, in base64url. Nothing needs to be stored.
pub(super) struct Seal {
    /// The keys, the current one first.
    keys: Vec<hmac::Key>,
}

impl Seal {
    /// Derives the keys. The label names the kind of token, so tokens of other kinds are rejected.
    pub(super) fn new(roots: &[Root], label: &str) -> Self {
        let key = |root: &Root| hmac::Key::new(hmac::HMAC_SHA256, &root.derive(label));
        Self { keys: roots.iter().map(key).collect() }
    }

    /// Returns the token for these bytes. The same bytes always result in the same token.
    pub(super) fn seal(&self, content: &[u8]) -> String {
        let mac = hmac::sign(&self.keys[0], content);
        URL_SAFE_NO_PAD.encode([content, &mac.as_ref()[..MAC_BYTES]].concat())
    }

    /// Returns digits that only a holder of the keys can derive from these bytes. The same bytes always result in the
    /// same digits.
    pub(super) fn digits(&self, content: &[u8], length: u8) -> String {
        digits(&self.keys[0], content, length)
    }

    /// Returns whether `given` matches the digits of these bytes under any of the keys.
    pub(super) fn are_digits(&self, content: &[u8], length: u8, given: &str) -> bool {
        // try all keys, so that the time taken does not reveal which one matched
        self.keys.iter().fold(false, |is_right, key| {
            let expected = digits(key, content, length);
            is_right | constant_time::verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
        })
    }

    /// Returns the whole MAC of these bytes under each of the keys, the current one first.
    pub(super) fn macs(&self, content: Vec<u8>) -> impl Iterator<Item = [u8; 32]> {
        self.keys.iter().filter_map(move |key| hmac::sign(key, &content).as_ref().try_into().ok())
    }

    /// Returns 16 bits of the MAC of these bytes, which are too few to recover the bytes.
    pub(super) fn hint(&self, content: &[u8]) -> u16 {
        hint(&self.keys[0], content)
    }

    /// Returns whether `given` is the hint of these bytes under any of the keys.
    pub(super) fn is_hint(&self, content: &[u8], given: u16) -> bool {
        // try all keys, so that the time taken does not reveal which one matched
        self.keys.iter().fold(false, |is_right, key| is_right | (hint(key, content) == given))
    }

    /// Returns the bytes in a token, or `None` if this server did not make it.
    pub(super) fn open<const N: usize>(&self, token: &str) -> Option<[u8; N]> {
        // a longer text cannot be a token, so decoding it would be wasted work
        if token.len() > (N + MAC_BYTES) * 2 {
            return None;
        }
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (content, mac) = token.split_at_checked(N)?;
        let is_ours = self.keys.iter().any(|key| {
            let expected = hmac::sign(key, content);
            constant_time::verify_slices_are_equal(&expected.as_ref()[..MAC_BYTES], mac).is_ok()
        });
        if is_ours { content.try_into().ok() } else { None }
    }
}

/// Returns digits as in HOTP (RFC 4226 §5.3): the last digits of a number taken from the MAC. The number has 64 bits,
/// so all digits are equally likely.
fn digits(key: &hmac::Key, content: &[u8], length: u8) -> String {
    let mac = hmac::sign(key, content);
    let number = mac.as_ref()[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let width = usize::from(length);
    format!("{:0width$}", number % 10_u64.pow(u32::from(length)))
}

fn hint(key: &hmac::Key, content: &[u8]) -> u16 {
    let mac = hmac::sign(key, content);
    u16::from_be_bytes([mac.as_ref()[0], mac.as_ref()[1]])
}
