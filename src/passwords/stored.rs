//! The hashes in the database: our own and imported ones. A hash that is too expensive for a sign-in counts as invalid
//! and is never computed.

use argon2::{
    Algorithm, Params, Version,
    password_hash::phc::{Output, PasswordHash, Salt},
};

use super::django::DjangoHash;

/// The longest hash accepted, in bytes.
const MAX_BYTES: usize = 512;

/// The largest parameters with which an argon2 hash is accepted. Django's default is 100 MiB and 8 lanes.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_ITERATIONS: u32 = 10;
const MAX_LANES: u32 = 16;

/// A stored hash to verify passwords against.
pub(super) enum Stored {
    Argon2(Argon2Hash),
    Django(DjangoHash),
}

/// A hash made with any of the argon2 functions.
pub(super) struct Argon2Hash {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Salt,
    pub(super) expected: Output,
    is_ours: bool,
}

impl Stored {
    /// Parses a hash. Returns `None` if it is malformed or too expensive.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            return None;
        }
        // Django's format is also a PHC string, with a prefix
        match text.strip_prefix("argon2").unwrap_or(text) {
            phc if phc.starts_with("$argon2") => Argon2Hash::parse(phc, phc == text).map(Self::Argon2),
            _ => DjangoHash::parse(text).map(Self::Django),
        }
    }

    /// Returns the cost of verifying a password, as the number of KiB that an argon2 hash processes in the same time. Two
    /// iterations of PBKDF2 take about as long as one KiB.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Argon2(hash) => super::cost(&hash.params),
            Self::Django(hash) => hash.cost(),
        }
    }

    /// Returns whether the hash has the format and the parameters of a new hash. `params` are the current parameters.
    pub(super) fn is_current(&self, params: &Params) -> bool {
        let Self::Argon2(hash) = self else { return false };
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        hash.is_ours
            && hash.algorithm == Algorithm::Argon2id
            && hash.version == Version::V0x13
            && costs(&hash.params) == costs(params)
            && Some(hash.expected.len()) == params.output_len()
    }
}

impl Argon2Hash {
    fn parse(phc: &str, is_ours: bool) -> Option<Self> {
        let hash = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = Version::try_from(hash.version?).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let is_bearable = params.m_cost() <= MAX_MEMORY_KIB
            && params.t_cost() <= MAX_ITERATIONS
            && params.p_cost() <= MAX_LANES;
        let (salt, expected) = (hash.salt?, hash.hash?);
        is_bearable.then_some(Self { algorithm, version, params, salt, expected, is_ours })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn what_asks_for_too_much_or_is_none_is_refused() {
        for head in ["m=131073,t=2,p=1", "m=19456,t=11,p=1", "m=19456,t=2,p=17", "m=1,t=1,p=8", "m=8,t=0,p=1"]
        {
            for name in ["$argon2id", "argon2$argon2id"] {
                assert!(Stored::parse(&format!("{name}$v=19${head}${TAIL}")).is_none(), "{head}");
            }
        }
        let long = format!("$argon2id$v=19$m=8,t=1,p=1${}${TAIL}", "A".repeat(600));
        for text in ["", "garbage", "argon2", "argon2$", "$argon2id$", "$argon2x$v=19$m=8,t=1,p=1$", &long] {
            assert!(Stored::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_what_would_be_made_today_is_current() {
        let params = Params::new(19456, 2, 1, Some(32)).unwrap();
        let is_current = |text: &str| Stored::parse(text).unwrap().is_current(&params);
        assert!(is_current(&format!("$argon2id$v=19$m=19456,t=2,p=1${TAIL}")));
        for other in [
            format!("argon2$argon2id$v=19$m=19456,t=2,p=1${TAIL}"),
            format!("$argon2i$v=19$m=19456,t=2,p=1${TAIL}"),
            format!("$argon2d$v=19$m=19456,t=2,p=1${TAIL}"),
            format!("$argon2id$v=16$m=19456,t=2,p=1${TAIL}"),
            format!("$argon2id$v=19$m=19457,t=2,p=1${TAIL}"),
            format!("$argon2id$v=19$m=19456,t=3,p=1${TAIL}"),
            format!("$argon2id$v=19$m=19456,t=2,p=2${TAIL}"),
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ] {
            assert!(!is_current(&other), "{other}");
        }
    }
}
