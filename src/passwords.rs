//! Argon2id on threads of its own.
//!
//! There are as many threads as cores, each with one block of memory that it uses again and again, behind a bounded queue.
//! So a storm of logins takes a fixed amount of memory, leaves the other requests their time, and is told at once when it
//! is too much. (A semaphore over a growing pool of threads is no bound: the allocator keeps every block ever freed.)

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use zxcvbn::{Score, zxcvbn};

use crate::{
    config::{Config, MAX_ARGON2_ITERATIONS, MAX_ARGON2_MEMORY_KIB},
    fault::Fault,
    secrets,
};

/// The most lanes that a stored hash may ask for.
const MAX_LANES: u32 = 4;

/// How much of a password is judged. `zxcvbn` takes about the cube of it on what is made for that: 700 ms for 128
/// characters, which would stop every login, and 45 ms for these.
const JUDGED_CHARACTERS: usize = 32;

/// Computes and checks password hashes. Clones share the threads, which end with the last of them.
#[derive(Clone, Debug)]
pub struct Passwords {
    queue: SyncSender<Job>,
    /// A well-formed hash of nothing, for when there is none to verify: the work is the same.
    decoy: Arc<str>,
    computed: Arc<AtomicU64>,
}

/// A password too easily guessed, and what would make it better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    /// Advice to its author.
    pub advice: String,
}

#[derive(Debug)]
enum Job {
    Hash { password: SecretString, personal: Vec<String>, answer: oneshot::Sender<Result<String, Weak>> },
    Verify { password: SecretString, stored: Arc<str>, answer: oneshot::Sender<bool> },
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// If a thread cannot be started or the parameters do not fit together.
    pub fn start(config: &Config) -> io::Result<Self> {
        let params = Params::new(config.argon2_memory_kib, config.argon2_iterations, 1, Some(32))
            .map_err(|error| io::Error::other(error.to_string()))?;
        let (queue, jobs) = sync_channel(config.hash_queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let computed = Arc::new(AtomicU64::new(0));
        for number in 0..config.hash_threads {
            let worker = Worker {
                jobs: jobs.clone(),
                params: params.clone(),
                memory: Vec::new(),
                computed: computed.clone(),
            };
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || worker.run())?;
        }
        let decoy = phc(&params, &[0; 16], &[0; 32]).into();
        Ok(Self { queue, decoy, computed })
    }

    /// Judges a new password and hashes it, with a salt of its own, to a PHC string. `personal` is what a guesser would try
    /// first: names and addresses of its owner.
    ///
    /// # Errors
    /// [`Fault::Busy`] where too many hashes wait.
    pub async fn hash(
        &self,
        password: SecretString,
        personal: Vec<String>,
    ) -> Result<Result<String, Weak>, Fault> {
        let (answer, hash) = oneshot::channel();
        self.submit(Job::Hash { password, personal, answer })?;
        hash.await.map_err(Fault::internal)
    }

    /// Whether this is the password of the stored hash. Without one it is not, at the same cost: who has an account and who
    /// has a password must not show in the time that an answer takes.
    ///
    /// # Errors
    /// [`Fault::Busy`] where too many hashes wait.
    pub async fn verify(&self, password: SecretString, stored: Option<&str>) -> Result<bool, Fault> {
        let (answer, verdict) = oneshot::channel();
        let hash = stored.map_or_else(|| self.decoy.clone(), Arc::from);
        self.submit(Job::Verify { password, stored: hash, answer })?;
        let is_right = verdict.await.map_err(Fault::internal)?;
        Ok(is_right && stored.is_some())
    }

    /// How many hashes have been computed since the start.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    fn submit(&self, job: Job) -> Result<(), Fault> {
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Fault::Busy,
            TrySendError::Disconnected(_) => Fault::internal("the hash workers are gone"),
        })
    }
}

struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    params: Params,
    memory: Vec<Block>,
    computed: Arc<AtomicU64>,
}

impl Worker {
    fn run(mut self) {
        yield_to_others();
        while let Some(job) = self.next() {
            match job {
                // whoever went away has nobody to answer
                Job::Hash { answer, .. } if answer.is_closed() => {}
                Job::Verify { answer, .. } if answer.is_closed() => {}
                // a panic drops the answer, which its caller reads as a defect, and must not end the thread
                Job::Hash { password, personal, answer } => {
                    let hash = AssertUnwindSafe(|| self.hash(password.expose_secret(), &personal));
                    let _ = catch_unwind(hash).map(|hash| answer.send(hash));
                }
                Job::Verify { password, stored, answer } => {
                    let verdict = AssertUnwindSafe(|| self.verify(password.expose_secret(), &stored));
                    let _ = catch_unwind(verdict).map(|verdict| answer.send(verdict.unwrap_or(false)));
                }
            }
        }
    }

    fn next(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    fn hash(&mut self, password: &str, personal: &[String]) -> Result<String, Weak> {
        judge(password, personal)?;
        let salt = secrets::random::<16>();
        let mut output = [0; 32];
        self.compute(Algorithm::Argon2id, Version::V0x13, &self.params.clone(), password, &salt, &mut output)
            .expect("our own parameters fit together");
        Ok(phc(&self.params, &salt, &output))
    }

    /// None: the stored hash is not one that we compute.
    fn verify(&mut self, password: &str, stored: &str) -> Option<bool> {
        let stored = PasswordHash::new(stored).ok()?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let params = Params::try_from(&stored).ok()?;
        if params.m_cost() > MAX_ARGON2_MEMORY_KIB
            || params.t_cost() > MAX_ARGON2_ITERATIONS
            || params.p_cost() > MAX_LANES
        {
            return None;
        }
        let (salt, expected) = (stored.salt?, stored.hash?);
        let mut output = vec![0; expected.len()];
        self.compute(algorithm, version, &params, password, &salt, &mut output)?;
        // compares in constant time
        Some(Output::new(&output).ok()? == expected)
    }

    fn compute(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        password: &str,
        salt: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let done = Argon2::new(algorithm, version, params.clone())
            .hash_password_into_with_memory(password.as_bytes(), salt, output, &mut self.memory)
            .ok();
        let usual = self.params.block_count();
        if self.memory.len() > usual {
            self.memory.truncate(usual);
            self.memory.shrink_to_fit();
        }
        done
    }
}

/// NIST SP 800-63B asks for a blocklist rather than rules of composition: `zxcvbn` knows 30,000 common passwords, words,
/// names and dates, and the patterns that people vary them by.
fn judge(password: &str, personal: &[String]) -> Result<(), Weak> {
    let password: String = password.chars().take(JUDGED_CHARACTERS).collect();
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    let entropy = zxcvbn(&password, &personal);
    if entropy.score() >= Score::Two {
        return Ok(());
    }
    let mut advice: Vec<String> = Vec::new();
    if let Some(feedback) = entropy.feedback() {
        advice.extend(feedback.warning().map(|warning| warning.to_string()));
        advice.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    Err(Weak { advice: advice.join(" ") })
}

/// The PHC string of a hash: <https://github.com/P-H-C/phc-string-format>.
fn phc(params: &Params, salt: &[u8; 16], output: &[u8; 32]) -> String {
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("parameters are numbers"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    }
    .to_string()
}

/// Requests that need no hash go first. On Linux niceness belongs to the thread, and a thread may always be nicer.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Worker {
        let (_, jobs) = sync_channel(1);
        let params = Params::new(8, 1, 1, Some(32)).unwrap();
        Worker { jobs: Arc::new(Mutex::new(jobs)), params, memory: Vec::new(), computed: Arc::default() }
    }

    #[test]
    fn a_hash_verifies_its_password_alone() {
        let mut worker = worker();
        let hash = worker.hash("correct horse battery", &[]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_eq!(worker.verify("correct horse battery", &hash), Some(true));
        assert_eq!(worker.verify("correct horse batterz", &hash), Some(false));
    }

    #[test]
    fn a_stored_hash_that_asks_for_too_much_or_is_none_is_refused_unhashed() {
        let mut worker = worker();
        for stored in [
            "",
            "garbage",
            "$2b$12$C6UzMDM.H6dfI/f/IKcEeO1kfbDg1JmVqKp0h8ZQq3l5LwO0o8c6u",
            "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=4000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=19456,t=2,p=64$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(worker.verify("correct horse battery", stored), None, "{stored}");
        }
        assert_eq!(worker.computed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn memory_is_taken_with_the_first_hash_and_given_back_after_a_larger_one() {
        let mut worker = worker();
        assert!(worker.memory.is_empty());
        worker.hash("correct horse battery", &[]).unwrap();
        assert_eq!(worker.memory.len(), 8);
        let larger =
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(worker.verify("correct horse battery", larger), Some(false));
        assert_eq!((worker.memory.len(), worker.memory.capacity()), (8, 8));
    }

    #[test]
    fn common_and_personal_passwords_are_refused_with_advice() {
        for (password, personal) in [
            ("password1", ""),
            ("qwertyuiop", ""),
            ("11111111", ""),
            ("lovelace1815", "lovelace1815"),
            ("iloveyou123", ""),
        ] {
            let weak = judge(password, &[personal.to_owned()]).unwrap_err();
            assert!(!weak.advice.is_empty(), "{password}");
        }
        assert_eq!(judge("correct horse battery", &[]), Ok(()));
        assert_eq!(judge(&"żółw i zając ".repeat(10), &[]), Ok(()));
    }
}
