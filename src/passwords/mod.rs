//! Password hashing with Argon2id, on dedicated threads. These threads also verify imported hashes.
//!
//! By default, there is one thread per core. Each thread reuses one block of memory. The threads take jobs from a bounded
//! and fair queue. A burst of sign-ins therefore uses a fixed amount of memory and leaves processor time for other
//! requests. Hashes that do not fit into the queue are refused immediately. (A semaphore over a growing pool of threads
//! would not limit the memory, because the allocator keeps every block ever freed.)

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use argon2::Params;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::{
    config::Config,
    fault::Fault,
    metrics::{Counts, Durations},
    telemetry::traces::span,
};
use hasher::{Backend, Hasher};
use queue::{Place, Queue};
use stored::Stored;
use worker::{Job, Worker, phc};

mod django;
mod hasher;
mod queue;
mod self_test;
mod stored;
mod strength;
mod worker;

pub use strength::Weak;
pub use worker::Verified;

/// The minimum cost of a hash. In tests, hashes cost next to nothing. Without a minimum, imported hashes would be far
/// too expensive in comparison.
const LEAST_COST: u64 = 7 * 1024;

/// Computes and verifies password hashes. Clones share the threads, which stop when the last clone is dropped.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    queue: Queue<Job>,
    params: Params,
    /// The cost of a hash with these parameters.
    usual_cost: u64,
    /// A well-formed hash of the same cost, to verify against if none is stored.
    decoy: Arc<str>,
    backend: Backend,
    computed: Arc<AtomicU64>,
    waiting: Arc<AtomicU64>,
    /// How long hashes waited for their turn.
    waits: Durations,
    /// The number of refusals that each setting caused.
    refusals: Counts,
}

/// A place in the queue of hashes, for one hash. Dropping it frees the place.
pub struct HashPlace(Place<Job>);

/// Returns whether a sign-in can verify a password against this hash, that is, whether the hash has a known format and its
/// cost is within the limits.
#[must_use]
pub fn is_verifiable(stored: &str) -> bool {
    Stored::parse(stored).is_some()
}

impl Passwords {
    /// Chooses the library that computes Argon2 hashes, and starts the threads. Refusals of hashes are counted in `refusals`.
    ///
    /// # Errors
    /// Fails if a thread cannot be started or the parameters are inconsistent.
    pub fn start(config: &Config, refusals: Counts) -> io::Result<Self> {
        let params =
            Params::new(config.passwords.argon2_memory_kib, config.passwords.argon2_iterations, 1, Some(32))
                .map_err(|error| io::Error::other(error.to_string()))?;
        let backend = Backend::choose(config.passwords.argon2_backend);
        let threads = config.passwords.hash_threads;
        let usual_cost = cost(&params).max(LEAST_COST);
        let queue = Queue::new(usual_cost * (config.passwords.hash_queue + threads) as u64);
        let (computed, waiting) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let waits = Durations::default();
        for number in 0..threads {
            let worker = Worker {
                queue: queue.clone(),
                params: params.clone(),
                hasher: Hasher::new(backend, &params),
                computed: computed.clone(),
                waiting: waiting.clone(),
                waits: waits.clone(),
            };
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || worker.run())?;
        }
        let decoy = phc(&params, &[0; 16], &[0; 32]).into();
        Ok(Self(Arc::new(Inner {
            queue,
            params,
            usual_cost,
            decoy,
            backend,
            computed,
            waiting,
            waits,
            refusals,
        })))
    }

    /// Takes a place in the queue to hash a new password with this number of characters. `asker` is the client address
    /// that the hash is charged to, or `None` if the client is not limited by address.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many hashes are waiting.
    pub fn place_to_hash(&self, asker: Option<&str>, characters: usize) -> Result<HashPlace, Fault> {
        let usual = self.0.usual_cost;
        self.place(asker, usual + strength::cost(characters, usual))
    }

    /// Takes a place in the queue to verify a password against this hash, and to replace the hash if it is outdated.
    ///
    /// # Errors
    /// [`Fault::Busy`] if too many hashes are waiting.
    pub fn place_to_verify(&self, asker: Option<&str>, stored: Option<&str>) -> Result<HashPlace, Fault> {
        let usual = self.0.usual_cost;
        let cost = match stored.and_then(Stored::parse) {
            Some(stored) if !stored.is_current(&self.0.params) => stored.cost() + usual,
            _ => usual,
        };
        self.place(asker, cost)
    }

    /// Checks the strength of a new password, and hashes it with a new salt into a PHC string. `personal` lists what an
    /// attacker would guess first, such as the owner's names and email addresses.
    pub async fn hash(
        &self,
        place: HashPlace,
        password: SecretString,
        personal: Vec<String>,
    ) -> Result<Result<String, Weak>, Fault> {
        let (answer, hash) = oneshot::channel();
        self.submit(place, Job::Hash { password, personal, answer });
        span("password hash", hash).await.map_err(Fault::internal)
    }

    /// Verifies a password against a stored hash. If there is no hash, the password does not match, but checking it costs
    /// the same, so the response time does not reveal who has an account or a password.
    pub async fn verify(
        &self,
        place: HashPlace,
        password: SecretString,
        stored: Option<&str>,
    ) -> Result<Verified, Fault> {
        let (answer, verdict) = oneshot::channel();
        let hash = stored.map_or_else(|| self.0.decoy.clone(), Arc::from);
        self.submit(place, Job::Verify { password, stored: hash, answer });
        let verified = span("password hash", verdict).await.map_err(Fault::internal)?;
        Ok(if stored.is_some() { verified } else { Verified::default() })
    }

    /// Returns the name of the library that computes Argon2 hashes.
    #[must_use]
    pub fn library(&self) -> &'static str {
        self.0.backend.library()
    }

    /// Returns how long hashes waited for their turn.
    #[must_use]
    pub fn waits(&self) -> Durations {
        self.0.waits.clone()
    }

    /// Returns the number of hashes computed since the start.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    /// Returns the number of hashes that are waiting or being computed.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    fn place(&self, asker: Option<&str>, cost: u64) -> Result<HashPlace, Fault> {
        let place = self.0.queue.place(asker, cost).inspect_err(|_| self.0.refusals.add("HASH_QUEUE"));
        place.map(HashPlace)
    }

    fn submit(&self, place: HashPlace, job: Job) {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        place.0.submit(job);
    }
}

/// Returns the cost of a hash with these parameters, as the number of KiB that it processes.
fn cost(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(…)")
    }
}

impl fmt::Debug for HashPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashPlace(…)")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}
