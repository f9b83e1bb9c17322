//! Measures what a write costs PostgreSQL: flushes, WAL, notices and index pages.
//!
//! `cargo bench --bench commits` starts PostgreSQL servers of its own, whose disk flushes take 0, 1 or 2 ms longer, and
//! `gatehouse serve` on them. `cargo bench --bench commits -- notify,refresh` measures only these two of `notify`,
//! `pgbench`, `refresh`, `login`, `hot` and `busy`. It needs PostgreSQL's server programs and a C compiler. The figures
//! depend on the machine, so none are asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]

use std::{env, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, number},
    connection::Connection,
    load::{Load, closed, median, open},
    person::Person,
    server::Server,
};

mod cluster;
#[path = "../load/connection.rs"]
mod connection;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/load.rs"]
mod load;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/person.rs"]
mod person;
mod pgbench;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/server.rs"]
mod server;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const CLIENTS: usize = 64;
const DELAYS: [u64; 3] = [0, 1, 2];

/// Settings for hashes as cheap as `serve` permits, so that the disk is the limit.
const CHEAP: [(&str, &str); 2] = [("ARGON2_MEMORY_KIB", "7168"), ("ARGON2_ITERATIONS", "1")];

/// Settings for budgets that are charged but never used up.
const BUDGETS: [(&str, &str); 6] = [
    ("RATE_LIMITS", "on"),
    ("RATE_LIMIT_LOGINS", "100000/1h"),
    ("RATE_LIMIT_SIGNUPS", "100000/1h"),
    ("RATE_LIMIT_FAILED_LOGINS", "100000/1h"),
    ("RATE_LIMIT_FAILED_LOGINS_ADDRESS", "100000/1h"),
    ("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", "100000/1h"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let only = arguments.iter().find(|argument| !argument.starts_with("--"));
    let has = |work: &str| only.is_none_or(|only| only.split(',').any(|only| only == work));
    for delay in DELAYS {
        let cluster = (has("notify") || has("pgbench")).then(|| Cluster::start(Duration::from_millis(delay)));
        let Some(cluster) = cluster else { continue };
        if has("notify") {
            notify(&cluster, delay).await;
        }
        if has("pgbench") {
            pgbench::compare(&cluster, delay).await;
        }
    }
    if has("refresh") {
        refresh(&Cluster::start(Duration::from_millis(1))).await;
    }
    if has("login") {
        login(&Cluster::start(Duration::ZERO)).await;
    }
    if has("hot") {
        hot(&Cluster::start(Duration::ZERO)).await;
    }
    if has("busy") {
        busy(&Cluster::start(Duration::ZERO)).await;
    }
}

/// Measures `updateProfile` on two servers that announce each change, and on two servers that announce nothing.
async fn notify(cluster: &Cluster, delay: u64) {
    Server::migrate(&cluster.url);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, events) in rates.iter_mut().zip(["check", "notify"]) {
            let settings = [("DATABASE_EVENTS", events)];
            let one = Server::start_with(&cluster.url, &settings).await;
            let two = Server::start_with(&cluster.url, &settings).await;
            let mut people = sign_up(CLIENTS / 2, one.address).await;
            people.extend(sign_up(CLIENTS / 2, two.address).await);
            rates.push(closed(&mut people, ROUND, one.id(), rename).await.rate);
        }
    }
    let [silent, told] = rates.map(|rates| median(rates.into_iter()));
    println!(
        "updateProfile, {CLIENTS} clients, flushes +{delay} ms: {told:.0} a second, {silent:.0} without NOTIFY: {:.2}",
        told / silent
    );
}

async fn rename(person: &mut Person) {
    let query = "mutation($bio: String) { updateProfile(input: { bio: $bio }) { __typename } }";
    let bio = format!("{:x}", u64::from_be_bytes(gatehouse::secrets::random()));
    let answer = person.ask(query, &json!({ "bio": bio })).await;
    assert_eq!(answer["data"]["updateProfile"]["__typename"], "User", "{answer}");
}

/// Measures refreshes alone and beside the logins of other clients: to another server without PostgreSQL, which shows
/// what sharing the processors costs; to the same server; and to the same server at half the rate, which leaves
/// processor time to spare.
async fn refresh(cluster: &Cluster) {
    // in memory, so that the other server shares no disk with PostgreSQL
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    Server::migrate(&cluster.url);
    Server::migrate(&sqlite);
    for (hashes, settings) in [("usual", &[][..]), ("cheapest", &CHEAP)] {
        let server = Server::start_with(&cluster.url, settings).await;
        let other = Server::start_with(&sqlite, settings).await;
        let refreshing = &mut sign_up(CLIENTS, server.address).await;
        let [elsewhere, here] =
            &mut [sign_up(CLIENTS, other.address).await, sign_up(CLIENTS, server.address).await];
        for steady in [Some(200.0), None] {
            let mut figures = [const { Vec::new() }; 4];
            for _ in 0..ROUNDS {
                figures[0].push((refreshes(refreshing, steady, &server).await, 0.0));
                let logins = closed(elsewhere, ROUND, other.id(), Person::login);
                figures[1].push(beside(refreshes(refreshing, steady, &server), logins).await);
                let logins = closed(here, ROUND, server.id(), Person::login);
                let (refreshed, rate) = beside(refreshes(refreshing, steady, &server), logins).await;
                figures[2].push((refreshed, rate));
                let logins = open(here, rate / 2.0, ROUND, Person::login);
                figures[3].push(beside(refreshes(refreshing, steady, &server), logins).await);
            }
            let kind = steady.map_or("closed loop", |_| "steady");
            println!("refreshes, {kind}, flushes +1 ms, {hashes} hashes:");
            let alone = median(figures[0].iter().map(|(refreshed, _)| refreshed.p99));
            for (figures, what) in figures.iter().zip([
                "alone",
                "beside logins to a server without PostgreSQL",
                "beside logins",
                "beside logins at half the rate",
            ]) {
                let p99 = median(figures.iter().map(|(refreshed, _)| refreshed.p99));
                let rate = median(figures.iter().map(|(refreshed, _)| refreshed.rate));
                let logins = median(figures.iter().map(|(_, logins)| *logins));
                println!(
                    "  {rate:.0} refreshes and {logins:.0} logins a second, {what}: p99 {p99:.1} ms, {:.2} of alone",
                    p99 / alone
                );
            }
        }
    }
}

async fn refreshes(people: &mut [Person], rate: Option<f64>, server: &Server) -> Load {
    match rate {
        Some(rate) => open(people, rate, ROUND, Person::refresh).await,
        None => closed(people, ROUND, server.id(), Person::refresh).await,
    }
}

/// Returns how refreshes went, and how many logins per second took place at the same time.
async fn beside(refreshes: impl Future<Output = Load>, logins: impl Future<Output = Load>) -> (Load, f64) {
    let (load, others) = futures_util::future::join(refreshes, logins).await;
    (load, others.rate)
}

/// Measures the WAL and the flushes of logins whose budgets are charged: of people with few sessions, and of people whose oldest
/// session ends with each login.
async fn login(cluster: &Cluster) {
    Server::migrate(&cluster.url);
    let on = cluster.connect().await;
    for (who, most) in [("few", "1000"), ("the maximum number of", "5")] {
        let settings = [&BUDGETS[..], &CHEAP, &[("MAX_SESSIONS_PER_USER", most)]].concat();
        let server = Server::start_with(&cluster.url, &settings).await;
        let mut people = sign_up(CLIENTS, server.address).await;
        closed(&mut people, ROUND, server.id(), Person::login).await;
        let before = wal(&on).await;
        let load = closed(&mut people, 3 * ROUND, server.id(), Person::login).await;
        let after = wal(&on).await;
        let logins = load.rate * (3 * ROUND).as_secs_f64();
        println!(
            "login of people with {who} sessions, {CLIENTS} clients, {:.0} a second: {:.2} kB of WAL, {:.2} flushes each",
            load.rate,
            (after[0] - before[0]) / logins / 1000.0,
            (after[1] - before[1]) / logins
        );
    }
}

/// Returns the bytes of WAL and the flushes so far.
async fn wal(on: &sea_orm::DatabaseConnection) -> [f64; 2] {
    // the statistics of a connection arrive within a second
    tokio::time::sleep(Duration::from_millis(1500)).await;
    [
        number(on, "SELECT wal_bytes FROM pg_stat_wal").await,
        number(on, "SELECT wal_sync FROM pg_stat_wal").await,
    ]
}

/// Measures the ratio of heap-only updates and the growth of the indexes over 100,000 refreshes.
async fn hot(cluster: &Cluster) {
    Server::migrate(&cluster.url);
    let server = Server::start(&cluster.url).await;
    let mut people = sign_up(CLIENTS, server.address).await;
    let on = cluster.connect().await;
    on.execute_unprepared(
        "INSERT INTO sessions (id, user_id, counter, seen_counter, created_at, last_used_at, expires_at, max_expires_at, sweep_day)
         SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), 0, 0, 0, 0, 4000000000000, 4000000000000, 46296
         FROM generate_series(1, 20000)",
    )
    .await
    .unwrap();
    on.execute_unprepared("VACUUM FULL sessions").await.unwrap();
    let size = "SELECT pg_indexes_size('sessions')";
    let before = number(&on, size).await;
    let mut refreshes = 0.0;
    while refreshes < 100_000.0 {
        let load = closed(&mut people, ROUND, server.id(), Person::refresh).await;
        refreshes += load.rate * ROUND.as_secs_f64();
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let ratio = "SELECT n_tup_hot_upd::float / n_tup_upd FROM pg_stat_user_tables WHERE relname = 'sessions'";
    println!(
        "{refreshes:.0} refreshes: {:.3} heap-only, indexes {:.2} of their size before",
        number(&on, ratio).await,
        number(&on, size).await / before
    );
}

/// Counts the write transactions of 14,000 logins that find the hash queue full.
async fn busy(cluster: &Cluster) {
    Server::migrate(&cluster.url);
    let settings = [&BUDGETS[..], &[("HASH_QUEUE", "1"), ("HASH_THREADS", "1")]].concat();
    let server = Server::start_with(&cluster.url, &settings).await;
    let on = cluster.connect().await;
    let transactions = "SELECT pg_current_xact_id()::text::bigint";
    let before = number(&on, transactions).await;
    let answers: Vec<Value> = stream::iter(0..CLIENTS)
        .map(|client| storm(server.address, client, 14_000 / CLIENTS))
        .buffer_unordered(CLIENTS)
        .concat()
        .await;
    let refused = answers.iter().filter(|code| *code == "SERVER_BUSY").count();
    println!(
        "{} logins, {refused} refused with SERVER_BUSY: {:.0} write transactions",
        answers.len(),
        number(&on, transactions).await - before - 1.0
    );
}

/// Sends logins with wrong passwords to other people's accounts, and returns the code of each response.
async fn storm(address: SocketAddr, client: usize, logins: usize) -> Vec<Value> {
    let mut connection = Connection::open(address).await.unwrap();
    let query = "mutation($input: LoginInput!) { login(input: $input) { ... on UserError { code } } }";
    let mut codes = Vec::new();
    for number in 0..logins {
        let input =
            json!({ "identifier": format!("{client}-{number}@example.org"), "password": "wrong password" });
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer = connection.post("", &body).await.unwrap();
        codes.push(answer["data"]["login"]["code"].clone());
    }
    codes
}

/// Signs up a few people at a time, because hashing all passwords at once would exceed the time limit of a request.
async fn sign_up(people: usize, address: SocketAddr) -> Vec<Person> {
    stream::iter(0..people).map(|_| Person::sign_up(address)).buffer_unordered(16).collect().await
}
