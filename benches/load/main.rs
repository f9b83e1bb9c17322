//! How much Gatehouse does, and how near that is to what the machine can do.
//!
//! `cargo bench --bench load` measures a server process on a new SQLite file, from the same machine, each kind of work right
//! after its control, in rounds. `BENCH_POSTGRES_URL=postgres://… cargo bench --bench load` then measures another on that
//! database; it fills it with accounts, so give it one to throw away. `BENCH_ROUNDS` and `BENCH_SECONDS` make it longer, and
//! `cargo bench --bench load -- refresh,storm` measures these alone (of `me`, `refresh`, `login`, `signup`, `storm`).
//! `BENCH_PROGRAM=path` measures another build of `gatehouse`, to compare two. Nothing is asserted of the numbers: they are the machine's. They are printed as a table, and unless some were left out, drawn into
//! `benches/load/results.svg`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "what it reads are no settings of the server, and it needs no clock of its own"
)]

use std::{
    env, fs,
    net::SocketAddr,
    num::NonZero,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use sea_orm::ConnectionTrait;

use crate::{
    control::{Control, PGBENCH_ROWS, hashes_per_second, pgbench_per_second, sqlite_commits_per_second},
    load::{Load, closed, median, open},
    person::{Asker, Person},
    report::{Line, plot, table},
    server::Server,
};

mod connection;
mod control;
mod load;
#[expect(dead_code, reason = "another bench uses the rest of it")]
mod person;
mod report;
mod server;

const STARTS: usize = 5;

/// Connections.
const FEW: usize = 16;
const MANY: usize = 64;

/// Requests for `me` each second while others log in without pause.
const STEADY: f64 = 1000.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--control") {
        return control::serve(&arguments[at + 1]).await;
    }
    // `cargo test --all-targets` runs this too, to see that it works
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let only = Only(arguments.into_iter().skip(1).find(|argument| !argument.starts_with("--")));
    let number = |name, otherwise| env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (rounds, round) = (number("BENCH_ROUNDS", 5), Duration::from_secs(number("BENCH_SECONDS", 4)));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
    let mut databases = vec![("SQLite", sqlite)];
    databases.extend(env::var("BENCH_POSTGRES_URL").ok().map(|url| ("PostgreSQL", url)));
    let mut ceilings = Ceilings::start().await;
    let mut subjects = Vec::new();
    // one after the other: what PostgreSQL tidies up between its rounds is not in SQLite's way
    for (name, url) in databases {
        let mut subject = Subject::prepare(name, &url).await;
        for number in 1..=rounds {
            eprintln!("{name}: round {number} of {rounds}");
            subject.measure(&mut ceilings, &only, folder.path(), round).await;
        }
        subjects.push(subject);
    }
    println!("{} cores, medians of {rounds} rounds of {} s\n", cores(), round.as_secs());
    let mut lines = ceilings.lines();
    lines.extend(subjects.iter().flat_map(Subject::lines));
    lines.retain(|line| !line.rates.is_empty());
    println!("{}", table(&lines));
    subjects.iter().for_each(Subject::print);
    if only.0.is_none() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/results.svg"), plot(&lines)).unwrap();
    }
}

/// The work that is measured; none: all of it.
struct Only(Option<String>);

impl Only {
    fn has(&self, work: &str) -> bool {
        self.0.as_ref().is_none_or(|only| only.split(',').any(|only| only == work))
    }
}

/// What the machine does without a Gatehouse.
struct Ceilings {
    poem: Control,
    graphql: Control,
    bare: [Vec<Load>; 2],
    graphqls: [Vec<Load>; 2],
    hashes: Vec<f64>,
}

impl Ceilings {
    async fn start() -> Self {
        let [poem, graphql] = ["poem", "graphql"].map(Control::start);
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self { poem, graphql, bare: Default::default(), graphqls: Default::default(), hashes: Vec::new() }
    }

    /// `me` a second without a database.
    async fn me(&mut self, at: usize, connections: usize, round: Duration) -> f64 {
        for (control, loads) in [(&self.poem, &mut self.bare[at]), (&self.graphql, &mut self.graphqls[at])] {
            let mut askers = Vec::new();
            for _ in 0..connections {
                askers.push(Asker::new(control.address, &control.access_token, "ada@example.org").await);
            }
            loads.push(closed(&mut askers, round, control.process.id(), Asker::me).await);
        }
        self.graphqls[at].last().map_or(f64::NAN, |load| load.rate)
    }

    fn hashes(&mut self, round: Duration) -> f64 {
        let rate = hashes_per_second(round);
        self.hashes.push(rate);
        rate
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, connections) in [FEW, MANY].into_iter().enumerate() {
            lines.push(line(format!("poem alone, {connections}"), &self.bare[at], &[], ""));
            let what = format!("poem, async-graphql, EdDSA; no database, {connections}");
            lines.push(line(what, &self.graphqls[at], &[], ""));
        }
        lines.push(rates_alone(format!("Argon2id alone, {} threads", cores()), &self.hashes));
        lines
    }
}

/// A server on one database, and what was measured of it.
struct Subject {
    name: &'static str,
    database_url: String,
    server: Server,
    /// Seconds from the process's start to its first answer, and MB of memory soon after.
    starts: Vec<(f64, f64)>,
    signed_in: Vec<Person>,
    to_log_in: Vec<Person>,
    me: [Vec<Load>; 2],
    refresh: Vec<Load>,
    login: [Vec<Load>; 2],
    signup: Vec<Load>,
    storm: Vec<(Load, Load)>,
    controls: Controls,
}

/// How much of the same was done a second without Gatehouse, right before.
#[derive(Default)]
struct Controls {
    me: [Vec<f64>; 2],
    refresh: Vec<f64>,
    login: [Vec<f64>; 2],
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
        // who asks for `me` also refreshes; who logs in does nothing else, since a login may end the oldest session
        let everybody = (0..2 * MANY).map(|_| Person::sign_up(server.address));
        let mut signed_in: Vec<Person> = everybody.collect::<FuturesUnordered<_>>().collect().await;
        let to_log_in = signed_in.split_off(MANY);
        for person in &mut signed_in {
            person.me().await;
        }
        if name == "PostgreSQL" {
            let on = sea_orm::Database::connect(database_url).await.unwrap();
            on.execute_unprepared(PGBENCH_ROWS).await.unwrap();
            on.close().await.unwrap();
        }
        Self {
            name,
            database_url: database_url.to_owned(),
            server,
            starts,
            signed_in,
            to_log_in,
            me: Default::default(),
            refresh: Vec::new(),
            login: Default::default(),
            signup: Vec::new(),
            storm: Vec::new(),
            controls: Controls::default(),
        }
    }

    async fn measure(&mut self, ceilings: &mut Ceilings, only: &Only, folder: &Path, round: Duration) {
        let process = self.server.id();
        for (at, connections) in [FEW, MANY].into_iter().enumerate().filter(|_| only.has("me")) {
            self.controls.me[at].push(ceilings.me(at, connections, round).await);
            let mut askers = askers(&self.signed_in[..connections], self.server.address).await;
            self.me[at].push(closed(&mut askers, round, process, Asker::me).await);
        }
        if only.has("refresh") {
            self.controls.refresh.extend(match self.name {
                "SQLite" => Some(sqlite_commits_per_second(folder, round)),
                _ => pgbench_per_second(&self.database_url, folder, MANY, round),
            });
            let people = connected(&mut self.signed_in).await;
            self.refresh.push(closed(people, round, process, Person::refresh).await);
        }
        for (at, connections) in [FEW, MANY].into_iter().enumerate().filter(|_| only.has("login")) {
            self.controls.login[at].push(ceilings.hashes(round));
            let people = connected(&mut self.to_log_in[..connections]).await;
            self.login[at].push(closed(people, round, process, Person::login).await);
        }
        if only.has("signup") {
            let people = connected(&mut self.to_log_in[..FEW]).await;
            self.signup.push(closed(people, round, process, Person::sign_up_again).await);
        }
        if only.has("storm") {
            let mut askers = askers(&self.signed_in, self.server.address).await;
            let people = connected(&mut self.to_log_in).await;
            let logins = closed(people, round, process, Person::login);
            let asked = open(&mut askers, STEADY, round, Asker::me);
            self.storm.push(futures_util::future::join(logins, asked).await);
        }
    }

    fn lines(&self) -> Vec<Line> {
        let (name, controls) = (self.name, &self.controls);
        let mut lines = Vec::new();
        for (at, connections) in [FEW, MANY].into_iter().enumerate() {
            let what = format!("{name}: me, {connections}");
            lines.push(line(what, &self.me[at], &controls.me[at], "no database"));
        }
        let (alone, control) = match name {
            "SQLite" => ("SQLite commits alone, 1".to_owned(), "single commits"),
            _ => (format!("pgbench alone, {MANY} clients"), "pgbench"),
        };
        lines.push(rates_alone(alone, &controls.refresh));
        lines.push(line(format!("{name}: refresh, {MANY}"), &self.refresh, &controls.refresh, control));
        for (at, connections) in [FEW, MANY].into_iter().enumerate() {
            let what = format!("{name}: login, {connections}");
            lines.push(line(what, &self.login[at], &controls.login[at], "hashes alone"));
        }
        lines.push(line(format!("{name}: signup, {FEW}"), &self.signup, &rates(&self.login[0]), "login"));
        let (storming, asked): (Vec<Load>, Vec<Load>) = self.storm.iter().copied().unzip();
        let of = rates(&self.login[1]);
        lines.push(line(format!("{name}: login, {MANY}, beside 1,000 me/s"), &storming, &of, "login alone"));
        lines.push(line(format!("{name}: me, 1,000/s, beside {MANY} that log in"), &asked, &[], ""));
        lines
    }

    fn print(&self) {
        println!("{}", self.name);
        let starts = |part: fn(&(f64, f64)) -> f64| median(self.starts.iter().map(part));
        println!("  start to first answer    {:>9.1} ms", 1000.0 * starts(|start| start.0));
        println!("  memory, idle             {:>9.1} MB", starts(|start| start.1));
        println!("  memory, after the load   {:>9.1} MB", self.server.memory());
        println!("  memory, at most          {:>9.1} MB", self.server.most_memory());
    }
}

/// Connected anew, for the server closes what says nothing for long.
async fn connected(people: &mut [Person]) -> &mut [Person] {
    for person in &mut *people {
        person.connect().await;
    }
    people
}

async fn askers(people: &[Person], address: SocketAddr) -> Vec<Asker> {
    let mut askers = Vec::new();
    for person in people {
        askers.push(person.asker(address).await);
    }
    askers
}

fn rates(loads: &[Load]) -> Vec<f64> {
    loads.iter().map(|load| load.rate).collect()
}

fn line(what: String, loads: &[Load], control: &[f64], of: &'static str) -> Line {
    let middle = |figure: fn(&Load) -> f64| median(loads.iter().map(figure));
    let ratios = loads.iter().zip(control).map(|(load, control)| load.rate / control).collect();
    Line {
        what,
        rates: rates(loads),
        p50: middle(|l| l.p50),
        p99: middle(|l| l.p99),
        cpu: middle(|l| l.cpu),
        ratios,
        of,
    }
}

fn rates_alone(what: String, rates: &[f64]) -> Line {
    Line { rates: rates.to_vec(), ..line(what, &[], &[], "") }
}

/// As many as the server has threads for hashes.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
