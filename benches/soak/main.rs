//! Checks whether latency and memory stay constant during minutes of mixed load at a steady rate.
//!
//! `cargo bench --bench soak` runs for ten minutes (`BENCH_MINUTES`) against a server process on the same machine, with
//! a new SQLite file or `BENCH_POSTGRES_URL`. After each minute it prints the latencies and the memory of the server,
//! so that slow growth becomes visible. An unexpected response ends the benchmark. The figures depend on the machine,
//! so none are asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]
#![expect(clippy::disallowed_methods, reason = "it reads no settings of the server")]

use std::{env, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream};

use crate::{
    load::{Load, open},
    person::{Asker, Person},
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

const MINUTE: Duration = Duration::from_mins(1);

/// The operation `me`: its rate per second, and the number of clients.
const ME: (f64, usize) = (1000.0, 32);
const REFRESH: (f64, usize) = (200.0, 32);
const LOGIN: (f64, usize) = (20.0, 16);
const SIGNUP: (f64, usize) = (5.0, 8);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let minutes: u32 = env::var("BENCH_MINUTES").map_or(10, |text| text.parse().unwrap());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    let database_url = env::var("BENCH_POSTGRES_URL").unwrap_or(sqlite);
    Server::migrate(&database_url);
    let server = Server::start(&database_url).await;

    let asking = sign_up(ME.1, server.address).await;
    let mut asking: Vec<Asker> =
        stream::iter(&asking).then(|person| person.asker(server.address)).collect().await;
    let mut refreshing = sign_up(REFRESH.1, server.address).await;
    let mut logging_in = sign_up(LOGIN.1, server.address).await;
    let mut signing_up = sign_up(SIGNUP.1, server.address).await;
    println!(
        "p50 and p99 in ms; a second: me {}, refresh {}, login {}, signup {}",
        ME.0, REFRESH.0, LOGIN.0, SIGNUP.0
    );
    println!(
        "{:>6}{:>18}{:>18}{:>18}{:>18}{:>12}",
        "minute", "me", "refresh", "login", "signup", "memory, MB"
    );
    for minute in 1..=minutes {
        let (me, refresh, login, signup) = tokio::join!(
            open(&mut asking, ME.0, MINUTE, Asker::me),
            open(&mut refreshing, REFRESH.0, MINUTE, Person::refresh),
            open(&mut logging_in, LOGIN.0, MINUTE, Person::login),
            open(&mut signing_up, SIGNUP.0, MINUTE, Person::sign_up_again),
        );
        let [me, refresh, login, signup] = [me, refresh, login, signup].map(latencies);
        println!("{minute:>6}{me:>18}{refresh:>18}{login:>18}{signup:>18}{:>12.1}", server.memory());
    }
}

fn latencies(load: Load) -> String {
    format!("{:.2} {:.2}", load.p50, load.p99)
}

async fn sign_up(people: usize, address: SocketAddr) -> Vec<Person> {
    stream::iter(0..people).map(|_| Person::sign_up(address)).buffer_unordered(8).collect().await
}
