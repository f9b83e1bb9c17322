//! The threads that compute hashes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use argon2::{
    Algorithm, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::{
    hasher::{Hasher, Inputs},
    queue::Queue,
    stored::{Argon2Hash, Stored},
    strength::{Weak, judge},
};
use crate::{metrics::Durations, secrets};

/// The result of verifying a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whether the password matched.
    pub is_right: bool,
    /// A replacement hash, if the password matched and the stored hash uses outdated parameters.
    pub rehashed: Option<String>,
}

#[derive(Debug)]
pub(super) enum Job {
    Hash { password: SecretString, personal: Vec<String>, answer: oneshot::Sender<Result<String, Weak>> },
    Verify { password: SecretString, stored: Arc<str>, answer: oneshot::Sender<Verified> },
}

pub(super) struct Worker {
    pub(super) queue: Queue<Job>,
    pub(super) params: Params,
    pub(super) hasher: Hasher,
    pub(super) computed: Arc<AtomicU64>,
    pub(super) waiting: Arc<AtomicU64>,
    pub(super) waits: Durations,
}

impl Worker {
    pub(super) fn run(mut self) {
        yield_to_others();
        while let Some((job, _place, waited)) = self.queue.next() {
            self.waits.observe(waited);
            match job {
                // the caller has gone away, so nobody waits for the result
                Job::Hash { answer, .. } if answer.is_closed() => {}
                Job::Verify { answer, .. } if answer.is_closed() => {}
                // A panic must not end the thread. The panic drops `answer`, and the caller then reports a defect.
                Job::Hash { password, personal, answer } => {
                    let hash = AssertUnwindSafe(|| self.hash(password.expose_secret(), &personal));
                    let _ = catch_unwind(hash).map(|hash| answer.send(hash));
                }
                Job::Verify { password, stored, answer } => {
                    let is_awaited = || !answer.is_closed();
                    let verified =
                        AssertUnwindSafe(|| self.verify(password.expose_secret(), &stored, is_awaited));
                    let _ = catch_unwind(verified).map(|verified| answer.send(verified.unwrap_or_default()));
                }
            }
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn hash(&mut self, password: &str, personal: &[String]) -> Result<String, Weak> {
        judge(password, personal)?;
        Ok(self.make(password))
    }

    /// Verifies a password against a stored hash. Returns `None` if the hash has an unknown format.
    fn verify(
        &mut self,
        password: &str,
        stored: &str,
        is_awaited: impl FnOnce() -> bool,
    ) -> Option<Verified> {
        let stored = Stored::parse(stored)?;
        let is_right = match &stored {
            Stored::Argon2(hash) => self.is_of(hash, password)?,
            Stored::Django(hash) => {
                self.computed.fetch_add(1, Ordering::Relaxed);
                hash.is_of(password)
            }
        };
        let is_outdated = is_right && !stored.is_current(&self.params);
        let rehashed = (is_outdated && is_awaited()).then(|| self.make(password));
        Some(Verified { is_right, rehashed })
    }

    fn make(&mut self, password: &str) -> String {
        let salt = secrets::random::<16>();
        let mut output = [0; 32];
        let params = self.params.clone();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        self.compute(
            &Inputs {
                algorithm,
                version,
                params: &params,
                password: password.as_bytes(),
                salt: &salt,
                secret: &[],
            },
            &mut output,
        );
        phc(&self.params, &salt, &output)
    }

    fn is_of(&mut self, hash: &Argon2Hash, password: &str) -> Option<bool> {
        let Argon2Hash { algorithm, version, params, salt, expected, .. } = hash;
        let mut output = vec![0; expected.len()];
        let inputs = Inputs {
            algorithm: *algorithm,
            version: *version,
            params,
            password: password.as_bytes(),
            salt,
            secret: &[],
        };
        self.compute(&inputs, &mut output);
        // this compares in constant time
        Some(Output::new(&output).ok()? == *expected)
    }

    fn compute(&mut self, inputs: &Inputs<'_>, output: &mut [u8]) {
        self.computed.fetch_add(1, Ordering::Relaxed);
        // The inputs were checked, so this panics only if there is no memory. A lack of memory must not look like a
        // wrong password.
        self.hasher.compute(inputs, output).expect("there is memory for a hash");
    }
}

/// Returns the PHC string of a hash: <https://github.com/P-H-C/phc-string-format>.
pub(super) fn phc(params: &Params, salt: &[u8; 16], output: &[u8; 32]) -> String {
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("parameters are numbers"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    }
    .to_string()
}

/// Lowers the priority of this thread, so that requests that need no hash go first. On Linux, each thread has its own
/// niceness.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::hasher::Backend;

    fn worker() -> Worker {
        let params = Params::new(8, 1, 1, Some(32)).unwrap();
        Worker {
            queue: Queue::new(1),
            hasher: Hasher::new(Backend::Fast, &params),
            params,
            computed: Arc::default(),
            waiting: Arc::default(),
            waits: Durations::default(),
        }
    }

    #[test]
    fn a_hash_verifies_its_password_alone() {
        let mut worker = worker();
        let hash = worker.hash("correct horse battery", &[]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        let right = Verified { is_right: true, rehashed: None };
        assert_eq!(worker.verify("correct horse battery", &hash, || true), Some(right));
        assert_eq!(worker.verify("correct horse batterz", &hash, || true), Some(Verified::default()));
    }

    #[test]
    fn only_a_right_password_that_is_awaited_makes_a_new_hash_of_an_old() {
        let mut worker = worker();
        let old = worker.hash("correct horse battery", &[]).unwrap();
        worker.params = Params::new(16, 1, 1, Some(32)).unwrap();
        assert_eq!(worker.verify("correct horse batterz", &old, || true), Some(Verified::default()));
        let gone = Verified { is_right: true, rehashed: None };
        assert_eq!(worker.verify("correct horse battery", &old, || false), Some(gone));
        let verified = worker.verify("correct horse battery", &old, || true).unwrap();
        let new = verified.rehashed.unwrap();
        assert!(new.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{new}");
        let right = Verified { is_right: true, rehashed: None };
        assert_eq!(worker.verify("correct horse battery", &new, || true), Some(right));
        assert_eq!(worker.computed.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_stored_hash_that_is_none_is_refused_unhashed() {
        let mut worker = worker();
        for stored in ["", "garbage", "!unusable", "pbkdf2_sha256$1000000000$salt$AAAA"] {
            assert_eq!(worker.verify("correct horse battery", stored, || true), None, "{stored}");
        }
        assert_eq!(worker.computed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_worker_keeps_memory_for_its_own_hashes_only() {
        let mut worker = worker();
        let larger =
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(worker.verify("correct horse battery", larger, || true), Some(Verified::default()));
        assert_eq!(worker.hasher.kept_kib(), 0);
        worker.hash("correct horse battery", &[]).unwrap();
        assert_eq!(worker.hasher.kept_kib(), 8);
    }

    #[test]
    fn the_shortest_salts_and_hashes_are_verified() {
        let shortest = "$argon2i$v=16$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAA";
        assert_eq!(worker().verify("", shortest, || true), Some(Verified::default()));
    }
}
