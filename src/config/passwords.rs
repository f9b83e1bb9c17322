//! The settings of passwords and their hashes.

use super::{
    mode::Mode,
    reader::{DefaultValue, Reader},
    values::{one_of, within},
};

/// The requirements for passwords and the cost of hashing them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct PasswordConfig {
    pub password_min_length: usize,
    pub argon2_memory_kib: u32,
    pub argon2_iterations: u32,
    pub argon2_backend: Argon2Backend,
    pub hash_threads: usize,
    pub hash_queue: usize,
}

/// Which library computes Argon2 hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Backend {
    /// The faster library, if it passes a self-test on this machine.
    Auto,
    /// `argon2` by the Rust Crypto project.
    Portable,
}

/// The maximum memory that a stored hash may need, in KiB. It is also the upper bound of the setting.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// The maximum number of passes that a stored hash may need. It is also the upper bound of the setting.
pub const MAX_ARGON2_ITERATIONS: u32 = 10;

impl PasswordConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        // the smallest memory that OWASP recommends is 7 MiB (with five passes)
        let least_memory = if r.mode == Mode::Serve { 7168 } else { 8 };
        r.section("Passwords", "");
        let password_min_length = r.setting(
            "PASSWORD_MIN_LENGTH",
            "8",
            "The minimum number of characters. The maximum is 128.",
            |s| within(s, 8..=64),
        );
        let argon2_memory_kib = r.setting(
            "ARGON2_MEMORY_KIB",
            "19456",
            "The memory that one password hash takes, in KiB. `serve` requires at least 7168.",
            |s| within(s, least_memory..=MAX_ARGON2_MEMORY_KIB),
        );
        let argon2_iterations = r.setting(
            "ARGON2_ITERATIONS",
            "2",
            "The number of passes that one password hash makes over its memory.",
            |s| within(s, 1..=MAX_ARGON2_ITERATIONS),
        );
        let argon2_backend = r.setting(
            "ARGON2_BACKEND",
            "auto",
            "The library that computes Argon2 hashes: `auto` (the faster library, if it passes a self-test) or \
             `portable`. See [Speed](speed.md#passwords).",
            |s| one_of(s, &[("auto", Argon2Backend::Auto), ("portable", Argon2Backend::Portable)]),
        );
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hash_threads = r.setting(
            "HASH_THREADS",
            DefaultValue::derived(cores.to_string(), "the number of cores"),
            "How many hashes are computed at the same time.",
            |s| within(s, 1..=1024),
        );
        let hash_queue = r.setting(
            "HASH_QUEUE",
            DefaultValue::derived((64 * hash_threads).to_string(), "64 times `HASH_THREADS`"),
            "How many hashes with the usual parameters may wait. More expensive hashes count as more than one. \
             Further requests get `SERVER_BUSY`.",
            |s| within(s, 1..=100_000),
        );
        Self {
            password_min_length,
            argon2_memory_kib,
            argon2_iterations,
            argon2_backend,
            hash_threads,
            hash_queue,
        }
    }
}
