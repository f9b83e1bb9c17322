//! Password hashing with Argon2id, on dedicated threads. These threads also verify imported hashes.
//!
//! There is one thread per core, each with one block of memory that it reuses, behind a bounded queue. So a
//! burst of sign-ins uses a fixed amount of memory, leaves processor time for other requests, and is refused
//! at once when it is too large. (A semaphore over a growing pool of threads would not limit the memory,
//! because the allocator keeps every block ever freed.)

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use argon2::Params;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::{config::Config, fault::Fault};
use stored::Stored;
use worker::{Job, Worker, phc};

mod django;
mod stored;
mod strength;
mod worker;

pub use strength::Weak;
pub use worker::Verified;

/// Computes and verifies password hashes. Clones share the threads, which end with the last clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    queue: SyncSender<Job>,
    /// A well-formed hash to verify against if there is no stored one, at the same cost.
    decoy: Arc<str>,
    computed: Arc<AtomicU64>,
    waiting: Arc<AtomicU64>,
}

/// Returns whether a sign-in can verify a password against this hash: its format is known and its cost is
/// within the limits.
#[must_use]
pub fn is_verifiable(stored: &str) -> bool {
    Stored::parse(stored).is_some()
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// Fails if a thread cannot be started or the parameters are inconsistent.
    pub fn start(config: &Config) -> io::Result<Self> {
        let params =
            Params::new(config.passwords.argon2_memory_kib, config.passwords.argon2_iterations, 1, Some(32))
                .map_err(|error| io::Error::other(error.to_string()))?;
        let (queue, jobs) = sync_channel(config.passwords.hash_queue);
        let jobs = Arc::new(Mutex::new(jobs));
        let (computed, waiting) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        for number in 0..config.passwords.hash_threads {
            let worker = Worker {
                jobs: jobs.clone(),
                params: params.clone(),
                memory: Vec::new(),
                computed: computed.clone(),
                waiting: waiting.clone(),
            };
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || worker.run())?;
        }
        let decoy = phc(&params, &[0; 16], &[0; 32]).into();
        Ok(Self { queue, decoy, computed, waiting })
    }

    /// Checks the strength of a new password and hashes it with a new salt to a PHC string. `personal` lists
    /// the words that an attacker would guess first, such as names and addresses of the owner.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many hashes are waiting.
    pub async fn hash(
        &self,
        password: SecretString,
        personal: Vec<String>,
    ) -> Result<Result<String, Weak>, Fault> {
        let (answer, hash) = oneshot::channel();
        self.submit(Job::Hash { password, personal, answer })?;
        hash.await.map_err(Fault::internal)
    }

    /// Verifies a password against a stored hash. Without a hash the result is `false` at the same cost, so
    /// that the response time does not reveal who has an account or a password.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many hashes are waiting.
    pub async fn verify(&self, password: SecretString, stored: Option<&str>) -> Result<Verified, Fault> {
        let (answer, verdict) = oneshot::channel();
        let hash = stored.map_or_else(|| self.decoy.clone(), Arc::from);
        self.submit(Job::Verify { password, stored: hash, answer })?;
        let verified = verdict.await.map_err(Fault::internal)?;
        Ok(if stored.is_some() { verified } else { Verified::default() })
    }

    /// Returns the number of hashes computed since the start.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Returns the number of hashes that are waiting or being computed.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    fn submit(&self, job: Job) -> Result<(), Fault> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(job).map_err(|refused| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => Fault::Busy,
                TrySendError::Disconnected(_) => Fault::internal("the hash workers are gone"),
            }
        })
    }
}
