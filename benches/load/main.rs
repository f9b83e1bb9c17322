//! How much Gatehouse does: start-up, memory, and the requests that matter, at their rates and latencies.
//!
//! `cargo bench --bench load` measures a server process on a new SQLite file, from the same machine.
//! `BENCH_POSTGRES_URL=postgres://… cargo bench --bench load` measures another on that database too, in the same rounds;
//! it fills it with accounts, so give it one to throw away. Nothing is asserted of the numbers: they are the machine's.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::{
    env,
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use argon2::{Argon2, Block};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::{
    measure::{Load, median, per_second},
    person::Person,
    server::Server,
};

mod connection;
mod measure;
mod person;
mod server;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(5);
const STARTS: usize = 5;

/// Who asks for `me` also refreshes; who logs in does nothing else, since a login may end the oldest session.
const ME: usize = 16;
const REFRESH: usize = 64;
const LOGIN: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --all-targets` runs this too, to see that it works
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    let mut subjects = vec![Subject::prepare("SQLite", &sqlite).await];
    #[expect(clippy::disallowed_methods, reason = "it is no setting of the server")]
    if let Ok(postgres) = env::var("BENCH_POSTGRES_URL") {
        subjects.push(Subject::prepare("PostgreSQL", &postgres).await);
    }
    for round in 1..=ROUNDS {
        for subject in &mut subjects {
            eprintln!("round {round} of {ROUNDS}: {}", subject.name);
            subject.measure().await;
        }
    }
    println!("{} cores, medians of {ROUNDS} rounds of {} s", cores(), ROUND.as_secs());
    subjects.iter().for_each(Subject::print);
}

/// A server on one database, and what was measured of it.
struct Subject {
    name: &'static str,
    server: Server,
    /// Seconds from the process's start to its first answer, and MB of memory soon after.
    starts: Vec<(f64, f64)>,
    signed_in: Vec<Person>,
    to_log_in: Vec<Person>,
    me: Vec<Load>,
    refresh: Vec<Load>,
    login: Vec<Load>,
    /// Hashes a second without a server, in the same round.
    hashes: Vec<f64>,
}

impl Subject {
    async fn prepare(name: &'static str, database_url: &str) -> Self {
        Server::migrate(database_url);
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            let started = Instant::now();
            let server = Server::start(database_url).await;
            let seconds = started.elapsed().as_secs_f64();
            tokio::time::sleep(Duration::from_millis(500)).await;
            starts.push((seconds, server.memory()));
        }
        let server = Server::start(database_url).await;
        let everybody = (0..REFRESH + LOGIN).map(|_| Person::sign_up(server.address));
        let mut signed_in: Vec<Person> = everybody.collect::<FuturesUnordered<_>>().collect().await;
        let to_log_in = signed_in.split_off(REFRESH);
        let (me, refresh, login, hashes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { name, server, starts, signed_in, to_log_in, me, refresh, login, hashes }
    }

    async fn measure(&mut self) {
        self.me.push(Load::of(ROUND, &mut self.signed_in[..ME], Person::me).await);
        self.refresh.push(Load::of(ROUND, &mut self.signed_in, Person::refresh).await);
        self.login.push(Load::of(ROUND, &mut self.to_log_in, Person::login).await);
        self.hashes.push(hashes_per_second());
    }

    fn print(&self) {
        println!("\n{}", self.name);
        println!("  start to first answer    {:>9.1} ms", 1000.0 * median(self.starts.iter().map(|s| s.0)));
        println!("  memory, idle             {:>9.1} MB", median(self.starts.iter().map(|s| s.1)));
        println!("  memory, after the load   {:>9.1} MB", self.server.memory());
        println!("                              a second       p50 ms       p99 ms");
        for (what, connections, loads) in
            [("me", ME, &self.me), ("refresh", REFRESH, &self.refresh), ("login", LOGIN, &self.login)]
        {
            let of = |figure: fn(&Load) -> f64| median(loads.iter().map(figure));
            let (rate, p50, p99) = (of(|load| load.rate), of(|load| load.p50), of(|load| load.p99));
            let what = format!("{what}, {connections} connections");
            println!("  {what:<24} {rate:>11.1} {p50:>12.2} {p99:>12.2}");
        }
        let ratios = self.login.iter().zip(&self.hashes).map(|(login, hashes)| login.rate / hashes);
        let (hashes, ratio) = (median(self.hashes.iter().copied()), median(ratios));
        let what = format!("Argon2id, {} threads", cores());
        println!("  {what:<24} {hashes:>11.1}   without a server; logins reach {ratio:.2} of it");
    }
}

/// The hashes of logins, with the server's default parameters, and nothing else.
fn hashes_per_second() -> f64 {
    let started = Instant::now();
    let hash = || {
        let argon2 = Argon2::default();
        let mut memory = vec![Block::default(); argon2.params().block_count()];
        let mut hashes = 0;
        while started.elapsed() < ROUND {
            let (salt, output) = (b"sixteen bytes of", &mut [0; 32]);
            argon2
                .hash_password_into_with_memory(person::PASSWORD.as_bytes(), salt, output, &mut memory)
                .unwrap();
            hashes += 1;
        }
        hashes
    };
    let hashes: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    per_second(hashes, started.elapsed().as_secs_f64())
}

/// As many as the server has threads for hashes.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
