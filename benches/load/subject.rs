//! A server on one database, and its results.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use sea_orm::ConnectionTrait;

use crate::{
    ceilings::{Ceilings, FEW, MANY},
    control::{PGBENCH_ROWS, pgbench_per_second, sqlite_commits_per_second},
    load::{Load, closed, median, open},
    person::{Asker, Person},
    report::{Line, line, rates, rates_alone},
    server::Server,
};

const STARTS: usize = 5;

/// The number of `me` requests per second while others log in without pause.
const STEADY: f64 = 1000.0;

/// The kinds of work to measure: all of them if `None`.
pub(crate) struct Only(pub(crate) Option<String>);

impl Only {
    fn has(&self, work: &str) -> bool {
        self.0.as_ref().is_none_or(|only| only.split(',').any(|only| only == work))
    }
}

/// A server on one database, and its results.
pub(crate) struct Subject {
    name: &'static str,
    database_url: String,
    server: Server,
    /// The seconds from the start of the process to its first response, and the MB of memory soon after.
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

/// The rates per second of the same work without Gatehouse, each measured directly before its work.
#[derive(Default)]
struct Controls {
    me: [Vec<f64>; 2],
    refresh: Vec<f64>,
    login: [Vec<f64>; 2],
}

impl Subject {
    pub(crate) async fn prepare(name: &'static str, database_url: &str) -> Self {
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
        // the people who request `me` also refresh; the people who log in do nothing else, because a login may end the
        // oldest session
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

    pub(crate) async fn measure(
        &mut self,
        ceilings: &mut Ceilings,
        only: &Only,
        folder: &Path,
        round: Duration,
    ) {
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

    pub(crate) fn lines(&self) -> Vec<Line> {
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

    pub(crate) fn print(&self) {
        println!("{}", self.name);
        let starts = |part: fn(&(f64, f64)) -> f64| median(self.starts.iter().map(part));
        println!("  start to first answer    {:>9.1} ms", 1000.0 * starts(|start| start.0));
        println!("  memory, idle             {:>9.1} MB", starts(|start| start.1));
        println!("  memory, after the load   {:>9.1} MB", self.server.memory());
        println!("  memory, at most          {:>9.1} MB", self.server.most_memory());
    }
}

/// Reconnects these people, because the server closes connections that have been idle for long.
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
