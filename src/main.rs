//! Parses the command line, runs it, and reports what went wrong.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use gatehouse::{
    cli::{self, Cli},
    telemetry::printable,
};

/// What thousands of connections took for a while serves whatever comes next; the system's allocator would go on growing.
/// Without huge pages but for hashes, or an idle server would take half as much again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

/// The error and what caused it. A cause that its effect has told already is not told again.
fn report(error: &dyn Error) {
    // our own words have several lines; whatever else a terminal would obey is escaped
    let printable = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n");
    let mut told = error.to_string();
    eprintln!("error: {}", printable(&told));
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            eprintln!("  because: {}", printable(&text));
            told = text;
        }
        next = cause.source();
    }
}
