//! Measures the effect of abuse on other clients and on memory.
//!
//! `cargo bench --bench pressure` measures a server process with a new SQLite file from the same machine. It first
//! measures the `me` requests of sixteen clients, alternately alone and beside thousands of connections that send their
//! requests slowly. Then it measures a storm of logins. It needs one open file per connection (`ulimit -n`). The
//! figures depend on the machine, so none are asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]

use std::{
    env,
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use crate::{
    load::{Load, closed, median},
    person::Person,
    server::Server,
};

#[path = "../load/connection.rs"]
mod connection;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/load.rs"]
mod load;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/person.rs"]
mod person;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/server.rs"]
mod server;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(8);
const CLIENTS: usize = 16;
const SLOW: usize = 4000;
const STORM: usize = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    Server::migrate(&sqlite);
    let server = Server::start(&sqlite).await;
    let mut clients = sign_up(CLIENTS, server.address).await;
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(measure(&server, &mut clients, Person::me).await);
        let mut slow = JoinSet::new();
        for number in 0..SLOW {
            slow.spawn(drip(server.address, number));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        beside.push(measure(&server, &mut clients, Person::me).await);
        slow.shutdown().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // the allocator may keep freed memory, so each round is compared with the first
    let before = quiet[0].memory;
    println!("`me` of {CLIENTS} clients, medians of {ROUNDS} rounds of {} s", ROUND.as_secs());
    for (what, rounds) in [("alone", &quiet), (&format!("beside {SLOW} slow ones"), &beside)] {
        let of = |figure: fn(&Measured) -> f64| median(rounds.iter().map(figure));
        println!(
            "  {what:<22} {:>8.0} a second, p50 {:.2} ms, p99 {:.2} ms, memory at most {:+.1} MB",
            of(|round| round.load.rate),
            of(|round| round.load.p50),
            of(|round| round.load.p99),
            rounds.iter().map(|round| round.memory).fold(before, f64::max) - before,
        );
    }

    drop(server);
    let server = Server::start(&sqlite).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = server.memory();
    let mut storm = sign_up(STORM, server.address).await;
    let logins = measure(&server, &mut storm, Person::login).await;
    println!(
        "logins of {STORM} clients: {:.0} a second, p50 {:.0} ms, p99 {:.0} ms, memory {:+.1} MB above idle",
        logins.load.rate,
        logins.load.p50,
        logins.load.p99,
        logins.memory - idle
    );
}

/// Signs up a few people at a time, because hashing all passwords at once would exceed the time limit of a request.
async fn sign_up(people: usize, address: SocketAddr) -> Vec<Person> {
    stream::iter(0..people).map(|_| Person::sign_up(address)).buffer_unordered(CLIENTS).collect().await
}

/// Opens a connection that never finishes sending its request head, and opens another when the connection is closed.
async fn drip(address: SocketAddr, number: usize) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            let mut sent = stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nx: ").await;
            while sent.is_ok() {
                // the connections do not all send at the same moments
                tokio::time::sleep(Duration::from_millis(1000 + (number % 1000) as u64)).await;
                sent = stream.write_all(b"x").await;
            }
        }
    }
}

/// The results of one round, and the peak memory in MB.
struct Measured {
    load: Load,
    memory: f64,
}

async fn measure(server: &Server, people: &mut [Person], act: impl AsyncFn(&mut Person)) -> Measured {
    let watch = async {
        let started = Instant::now();
        let mut most = server.memory();
        while started.elapsed() < ROUND {
            tokio::time::sleep(Duration::from_millis(100)).await;
            most = most.max(server.memory());
        }
        most
    };
    for person in &mut *people {
        person.connect().await;
    }
    let (load, memory) = tokio::join!(closed(people, ROUND, server.id(), act), watch);
    Measured { load, memory }
}
