//! Password hashes in Django's formats, except `argon2$`, which is a PHC string with a prefix.
//!
//! See `django/contrib/auth/hashers.py`. Salts are used as text and are not decoded.

use std::num::NonZeroU32;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    pbkdf2,
};
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// The maximum number of PBKDF2 iterations accepted. It is several times Django's default. That many iterations
/// keep a thread busy for one to two seconds.
const MAX_PBKDF2_ITERATIONS: u32 = 3_000_000;
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=15;
/// The maximum amount of memory accepted for scrypt. It is enough for N = 2^17 and r = 8 (a common recommendation),
/// including the memory of the lanes.
const MAX_SCRYPT_BYTES: u64 = 129 * 1024 * 1024;
/// The highest N·r·p accepted for scrypt: four times the recommended value.
const MAX_SCRYPT_WORK: u64 = 4 << 20;
/// The lowest N accepted for scrypt. With a lower N, scrypt spends more time on filling the lanes than on the work that
/// [`MAX_SCRYPT_WORK`] limits.
const MIN_SCRYPT_N: u64 = 16;

/// The number of bytes of a password that bcrypt uses, including the terminating zero.
const BCRYPT_BYTES: usize = 72;

/// bcrypt's base64, which has its own alphabet and leaves the last bits undefined.
const BCRYPT64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A well-formed hash within the limits.
pub(super) struct DjangoHash {
    function: Function,
    expected: Vec<u8>,
}

enum Function {
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: String,
    },
    Bcrypt {
        /// Whether the password is hashed with SHA-256 first, which means that bytes after the 72nd count too.
        is_digested: bool,
        cost: u32,
        salt: [u8; 16],
    },
    Scrypt {
        params: scrypt::Params,
        salt: String,
    },
}

impl DjangoHash {
    /// Parses a hash. Returns `None` if it is malformed or too expensive.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('$')?;
        match name {
            "pbkdf2_sha256" => parse_pbkdf2(rest, pbkdf2::PBKDF2_HMAC_SHA256, 32),
            "pbkdf2_sha1" => parse_pbkdf2(rest, pbkdf2::PBKDF2_HMAC_SHA1, 20),
            "bcrypt" => parse_bcrypt(rest, false),
            "bcrypt_sha256" => parse_bcrypt(rest, true),
            "scrypt" => parse_scrypt(rest),
            _ => None,
        }
    }

    /// Returns the cost of verifying a password: roughly the number of KiB that an argon2 hash processes in the same
    /// time.
    pub(super) fn cost(&self) -> u64 {
        match &self.function {
            Function::Pbkdf2 { iterations, .. } => u64::from(iterations.get()) / 2,
            Function::Bcrypt { cost, .. } => 150 << cost,
            Function::Scrypt { params, .. } => {
                let lanes = u64::from(params.r()) * u64::from(params.p());
                (lanes << params.log_n()) / 2
            }
        }
    }

    /// Returns whether the hash was made from this password. The time that this takes depends on the hash's parameters.
    pub(super) fn is_of(&self, password: &str) -> bool {
        let mut output = vec![0; self.expected.len()];
        match &self.function {
            Function::Pbkdf2 { algorithm, iterations, salt } => {
                let (salt, password) = (salt.as_bytes(), password.as_bytes());
                pbkdf2::derive(*algorithm, *iterations, salt, password, &mut output);
            }
            Function::Bcrypt { is_digested: true, cost, salt } => {
                let digest = digest(&SHA256, password.as_bytes());
                let nibbles = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
                let digested: String = nibbles.filter_map(|n| char::from_digit(n.into(), 16)).collect();
                output.copy_from_slice(&bcrypt(*cost, *salt, &digested));
            }
            Function::Bcrypt { cost, salt, .. } => output.copy_from_slice(&bcrypt(*cost, *salt, password)),
            Function::Scrypt { params, salt } => {
                if scrypt::scrypt(password.as_bytes(), salt.as_bytes(), params, &mut output).is_err() {
                    return false;
                }
            }
        }
        verify_slices_are_equal(&output, &self.expected).is_ok()
    }
}

fn bcrypt(cost: u32, salt: [u8; 16], password: &str) -> [u8; 23] {
    let mut key: Vec<u8> = password.bytes().chain([0]).collect();
    key.truncate(BCRYPT_BYTES);
    let [hash @ .., _] = bcrypt::bcrypt(cost, salt, &key);
    hash
}

/// Parses `iterations$salt$hash`.
fn parse_pbkdf2(rest: &str, algorithm: pbkdf2::Algorithm, bytes: usize) -> Option<DjangoHash> {
    let [iterations, salt, hash] = parts(rest)?;
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    let function = Function::Pbkdf2 { algorithm, iterations, salt: salt.to_owned() };
    (iterations.get() <= MAX_PBKDF2_ITERATIONS).then_some(())?;
    within(function, STANDARD.decode(hash).ok()?, bytes)
}

/// Parses `$2b$cost$`, followed by 22 characters of salt and 31 characters of hash.
fn parse_bcrypt(rest: &str, is_digested: bool) -> Option<DjangoHash> {
    let ["", "2a" | "2b" | "2y", cost, data] = parts(rest)? else { return None };
    let cost = cost.parse().ok().filter(|cost| BCRYPT_COSTS.contains(cost))?;
    let (salt, hash) = data.split_at_checked(22)?;
    let salt = BCRYPT64.decode(salt).ok()?.try_into().ok()?;
    within(Function::Bcrypt { is_digested, cost, salt }, BCRYPT64.decode(hash).ok()?, 23)
}

/// Parses `N$salt$r$p$hash`.
fn parse_scrypt(rest: &str) -> Option<DjangoHash> {
    let [n, salt, r, p, hash] = parts(rest)?;
    let (n, r, p): (u64, u32, u32) = (n.parse().ok()?, r.parse().ok()?, p.parse().ok()?);
    let bytes = n.checked_add(p.into())?.checked_mul(128)?.checked_mul(r.into())?;
    let work = n.checked_mul(r.into())?.checked_mul(p.into())?;
    let is_bearable =
        n >= MIN_SCRYPT_N && n.is_power_of_two() && bytes <= MAX_SCRYPT_BYTES && work <= MAX_SCRYPT_WORK;
    let log_n = is_bearable.then(|| n.trailing_zeros()).and_then(|log| u8::try_from(log).ok())?;
    let params = scrypt::Params::new(log_n, r, p).ok()?;
    within(Function::Scrypt { params, salt: salt.to_owned() }, STANDARD.decode(hash).ok()?, 64)
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

fn within(function: Function, expected: Vec<u8>, bytes: usize) -> Option<DjangoHash> {
    (expected.len() == bytes).then_some(DjangoHash { function, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery ž";

    /// Made with Django 5.2 and cheap parameters.
    const HASHES: [&str; 5] = [
        "pbkdf2_sha256$10$saltsaltsalt$AkHzPH3a9GAIUPbfYNvwaQdzlvQX2mB8u7r7gXt+NI8=",
        "pbkdf2_sha1$10$saltsaltsalt$zJ/TNb2Zn1S05gzyiFYetB2CXqY=",
        "bcrypt$$2b$04$JttMct0NyF8015IGva4Q8eCKDU5AB3AwBVL0WJyi.Ym0OfN2fpuPS",
        "bcrypt_sha256$$2b$04$6OoRHbQR6GViNeQc.HH9Lu72TQY6qjbEP.So3nBtZChDOXdCDpxcm",
        "scrypt$16$saltsaltsalt$8$5$eMrR4eHgyaypDc1I95uBNh2rNkxc5NWswn/mQYdSL1HFHnfl5kznUwIv1TFUFAYxRku0GuNwXm9sngwtyC1RNA==",
    ];

    fn is_of(hash: &str, password: &str) -> bool {
        DjangoHash::parse(hash).unwrap().is_of(password)
    }

    #[test]
    fn a_hash_is_of_its_password_alone() {
        for hash in HASHES {
            assert!(is_of(hash, PASSWORD), "{hash}");
            assert!(!is_of(hash, "correct horse battery z"), "{hash}");
            assert!(!is_of(hash, ""), "{hash}");
        }
    }

    #[test]
    fn bcrypt_alone_ends_at_72_bytes() {
        let cut = "bcrypt$$2b$04$.q88HRgMK9caAObFQDre..UcN91eTYSLZxU9dsj.u4nItajk9CT2.";
        assert!(is_of(cut, &"x".repeat(72)) && is_of(cut, &"x".repeat(80)) && !is_of(cut, &"x".repeat(71)));
        let whole = "bcrypt_sha256$$2b$04$sA165OoCJsRh.PdK22dK9ui6ahISt8VVHdIq/lPcBz3M8BWBcwxN.";
        assert!(is_of(whole, &"x".repeat(80)) && !is_of(whole, &"x".repeat(79)));
    }

    #[test]
    fn what_asks_for_too_much_is_none() {
        let [pbkdf2, pbkdf2_sha1, bcrypt, bcrypt_sha256, scrypt] = HASHES;
        for (hash, from, most, too_much) in [
            (pbkdf2, "$10$", "$3000000$", "$3000001$"),
            (pbkdf2_sha1, "$10$", "$3000000$", "$3000001$"),
            (pbkdf2, "$10$", "$1$", "$0$"),
            (pbkdf2, "$10$", "$1$", "$1000000000$"),
            (bcrypt, "$04$", "$15$", "$16$"),
            (bcrypt_sha256, "$04$", "$15$", "$31$"),
            (bcrypt, "$04$", "$05$", "$03$"),
            (scrypt, "$16$", "$65536$", "$131072$"), // over the work limit
            (scrypt, "$16$", "$16$", "$8$"),
            (scrypt, "$16$", "$32$", "$17$"),
            (scrypt, "$8$5$", "$8$32768$", "$8$32769$"),
            (scrypt, "$8$5$", "$1$1$", "$0$1$"),
            (scrypt, "$8$5$", "$1$1$", "$1$0$"),
            (scrypt, "$8$5$", "$62162$1$", "$62163$1$"), // over the memory limit
            (scrypt, "$8$5$", "$62162$1$", "$4294967295$1$"),
        ] {
            assert!(DjangoHash::parse(&hash.replace(from, most)).is_some(), "{hash} with {most}");
            assert!(DjangoHash::parse(&hash.replace(from, too_much)).is_none(), "{hash} with {too_much}");
        }
        let with = |costs: &str| scrypt.replace("$16$saltsaltsalt$8$5$", costs);
        for usual in ["$16384$salt$8$1$", "$16384$salt$8$5$", "$131072$salt$8$1$"] {
            assert!(DjangoHash::parse(&with(usual)).is_some(), "{usual}");
        }
        let huge = format!("scrypt${}$salt$4294967295$1$", 1_u64 << 63);
        assert!(DjangoHash::parse(&scrypt.replace("scrypt$16$saltsaltsalt$8$5$", &huge)).is_none());
    }

    #[test]
    fn what_is_cut_anywhere_or_of_another_format_is_none() {
        for hash in HASHES {
            for end in 0..hash.len() {
                assert!(DjangoHash::parse(&hash[..end]).is_none(), "{}", &hash[..end]);
            }
            assert!(DjangoHash::parse(&format!("{hash}$")).is_none());
        }
        for text in [
            "md5$salt$d41d8cd98f00b204e9800998ecf8427e",
            "pbkdf2_sha1$10$salt$AkHzPH3a9GAIUPbfYNvwaQdzlvQX2mB8u7r7gXt+NI8=", // as long as a SHA-256 hash
            "pbkdf2_md5$10$salt$1B2M2Y8AsgTpgAmY7PhCfg==",
            "bcrypt$$2x$04$JttMct0NyF8015IGva4Q8eCKDU5AB3AwBVL0WJyi.Ym0OfN2fpuPS",
            "bcrypt$$2b$04$ĵttMct0NyF8015IGva4Q8eCKDU5AB3AwBVL0WJyi.Ym0OfN2fpuP",
            "!3qY8K2",
        ] {
            assert!(DjangoHash::parse(text).is_none(), "{text}");
        }
    }
}
