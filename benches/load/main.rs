//! Measures the speed of each operation, compared with what the machine can do.
//!
//! `cargo bench --bench load` measures a server process with a new SQLite file from the same machine. It works in
//! rounds, in which each kind of work directly follows its control.
//! `BENCH_POSTGRES_URL=postgres://… cargo bench --bench load` also measures a server on that database and fills it with
//! accounts, so name one that you can throw away. `BENCH_ROUNDS` and `BENCH_SECONDS` make the run longer, and
//! `cargo bench --bench load -- refresh,storm` measures only these two of `me`, `refresh`, `login`, `signup` and
//! `storm`. `BENCH_PROGRAM=path` measures another build of `gatehouse`, so that two builds can be compared. The figures
//! depend on the machine, so none are asserted. They are printed as a table and, unless some were left out, drawn into
//! `benches/load/results.svg`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "it reads no settings of the server, and needs no movable clock"
)]

use std::{env, fs, time::Duration};

use crate::{
    ceilings::{Ceilings, cores},
    report::{plot, table},
    subject::{Only, Subject},
};

mod ceilings;
mod connection;
mod control;
mod load;
#[expect(dead_code, reason = "another benchmark uses the rest of it")]
mod person;
mod report;
mod server;
mod subject;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--control") {
        return control::serve(&arguments[at + 1]).await;
    }
    // `cargo test --all-targets` runs this program too, but must not measure anything
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
    // one after the other, so that PostgreSQL's cleanup between rounds does not slow SQLite down
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
