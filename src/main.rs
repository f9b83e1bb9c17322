//! Parses the command line, runs the command, and reports errors.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use gatehouse::{
    cli::{self, Cli},
    telemetry::{causes, printable},
};

/// The memory allocator of the process. mimalloc reuses memory that thousands of connections have released. With the
/// system's allocator, the process would keep growing. Huge pages are used only for hashes. If they were used
/// everywhere, an idle server would take 50 % more memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error and its causes.
fn report(error: &(dyn Error + 'static)) {
    // our own messages may have several lines, so line breaks stay; anything else that a terminal would interpret is
    // escaped
    let printable = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n");
    for (number, text) in causes(error).enumerate() {
        eprintln!("{}: {}", if number == 0 { "error" } else { "  because" }, printable(&text));
    }
}
