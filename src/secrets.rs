//! Randomness, and the one secret from which all keys are derived.

use aws_lc_rs::rand;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::{
    collections::HashSet,
    fmt,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io,
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use time::OffsetDateTime;
use uuid::Uuid;
use zxcvbn::zxcvbn;

/// Returns unpredictable bytes from the operating system's generator through AWS-LC.
///
/// # Panics
/// Panics if the generator fails, because there is no safe way to continue.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the only place that reads the system's generator")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random generator works");
    bytes
}

/// Starts to prepare [`random`] on another thread. AWS-LC collects entropy from the jitter of the processor (NIST SP
/// 800-90B). This takes about 25 ms, and the first caller of `random` would have to wait for it.
pub fn prepare() {
    // if there is no thread, the first caller waits
    let _ = thread::Builder::new().name("entropy".to_owned()).spawn(random::<1>);
}

/// Returns bytes that are different each time, but may be guessable. Unlike [`random`], this function never waits for
/// entropy, and takes a tenth of the time.
#[must_use]
pub fn guessable<const N: usize>() -> [u8; N] {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(size_of::<u64>()) {
        let hash = KEY.hash_one(CALLS.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
        chunk.copy_from_slice(&hash[..chunk.len()]);
    }
    bytes
}

/// Returns a new ID: a UUIDv7 (RFC 9562 §5.7), ordered by `now`, with 74 random bits.
#[must_use]
pub fn uuid_v7(now: OffsetDateTime) -> Uuid {
    uuid_v7_with(now, &random())
}

/// Returns a new ID like [`uuid_v7`], but a guessable one.
#[must_use]
pub fn guessable_uuid_v7(now: OffsetDateTime) -> Uuid {
    uuid_v7_with(now, &guessable())
}

fn uuid_v7_with(now: OffsetDateTime, random: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}

/// Returns a new unpredictable ID: a version 4 UUID (RFC 9562 §5.4) with 122 random bits.
#[must_use]
pub fn uuid_v4() -> Uuid {
    uuid::Builder::from_random_bytes(random()).into_uuid()
}

/// Opens a file with `options`. If this creates the file or its folder, only the owner can access what was created.
pub fn private_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// The `SECRET_KEY`: at least 32 bytes in hex or base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Vec<u8>);

impl SecretKey {
    /// Generates a key, and returns it with its text. The text is in hex, because checking a base64 text would load the
    /// dictionaries of zxcvbn.
    #[must_use]
    pub fn generate() -> (Self, String) {
        loop {
            let text = hex::encode(random::<32>());
            if let Ok(key) = Self::parse(&text) {
                return (key, text);
            }
        }
    }

    /// Parses a key. Rejects a key that a person made up, because anyone could guess it offline at any speed, by
    /// deriving keys from each guess and comparing them with the public JWKS.
    ///
    /// # Errors
    /// Returns the problem as the end of a sentence, such as `does not look random`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (key, is_hex) = match hex::decode(text) {
            Ok(key) => (key, true),
            Err(_) => (decode_base64(text).ok_or("is neither hex nor base64")?, false),
        };
        if key.len() < 32 {
            return Err("has fewer than 32 bytes");
        }
        let steps: Vec<u8> = key.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        let is_text = str::from_utf8(&key).is_ok();
        if distinct(&key) < 20 || distinct(&steps) < 20 || is_text || !(is_hex || is_gibberish(text)) {
            return Err("does not look random");
        }
        Ok(Self(key))
    }

    /// Returns the bytes from which keys are derived.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Decodes base64 in either alphabet, with or without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&alphabet::URL_SAFE, &alphabet::STANDARD]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
}

/// Returns whether a base64 text is not made of words. In a trial, none of 20,000 random keys was mistaken for words.
fn is_gibberish(text: &str) -> bool {
    const LEAST_GUESSES_LOG10: f64 = 24.0;
    let count = |class: fn(&u8) -> bool| text.bytes().filter(class).count();
    let has_both_cases = count(u8::is_ascii_lowercase) > 0 && count(u8::is_ascii_uppercase) > 0;
    // zxcvbn's estimate of the guesses never exceeds 19 digits, so the two halves are judged separately
    let guesses =
        |from: usize| text.get(from..from + 14).map_or(0.0, |part| zxcvbn(part, &[]).guesses_log10());
    has_both_cases && count(u8::is_ascii_punctuation) < 8 && guesses(0) + guesses(14) >= LEAST_GUESSES_LOG10
}

fn distinct(bytes: &[u8]) -> usize {
    bytes.iter().collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;

    use super::*;

    #[test]
    fn guessable_bytes_are_different_each_time() {
        let all: HashSet<[u8; 10]> = (0..1000).map(|_| guessable()).collect();
        assert_eq!(all.len(), 1000);
    }

    #[test]
    fn a_random_key_is_accepted_in_hex_and_in_base64() {
        for _ in 0..100 {
            let (key, text) = SecretKey::generate();
            assert_eq!(SecretKey::parse(&text), Ok(key));
        }
        let in_hex = "d2391a7b5e0c88f4413fe9b6027cad5590e3ba1748cf6d21f8057e9cb3d4460a";
        let key = SecretKey::parse(in_hex).unwrap();
        for base64 in [general_purpose::URL_SAFE_NO_PAD, general_purpose::STANDARD] {
            assert_eq!(SecretKey::parse(&base64.encode(key.expose())), Ok(key.clone()));
        }
    }

    #[test]
    fn what_a_person_makes_up_is_refused() {
        for (text, why) in [
            ("changeme", "has fewer than 32 bytes"),
            ("not a key!", "is neither hex nor base64"),
            ("", "has fewer than 32 bytes"),
            ("0000000000000000000000000000000000000000000000000000000000000000", "does not look random"),
            ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "does not look random"),
            ("cGFzc3dvcmRwYXNzd29yZHBhc3N3b3JkcGFzc3dvcmQ", "does not look random"),
            ("dGhpcy1pcy1teS1zdXBlci1zZWNyZXQta2V5LDEyMzQ1Njc4OTA", "does not look random"),
            ("correcthorsebatterystaplecorrecthorsebatterystap", "does not look random"),
            ("CorrectHorseBatteryStapleIsMyFavouriteComicStrip", "does not look random"),
            ("ChangeMeChangeMePleaseItIsAVeryBadSecretKeyOk123", "does not look random"),
            ("your-256-bit-secret-Your-256-bit-Secret-key-here", "does not look random"),
            ("dGhpcyBpcyBteSBvd24gc3VwZXIgc2VjcmV0IGtleSBmb3IgdGhlIGF1dGggc2VydmVy", "does not look random"),
            ("4d79204761746568 6f757365".replace(' ', "").repeat(3).as_str(), "does not look random"),
        ] {
            assert_eq!(SecretKey::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_key_shows_nothing() {
        let (key, text) = SecretKey::generate();
        assert!(!format!("{key:?}").contains(&text));
    }
}
