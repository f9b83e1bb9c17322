//! `gatehouse check`: finds problems before they cause failures in production.

use super::setup::CliError;
use crate::{
    config::{Config, ConfigError, Mode, Variables},
    telemetry::{self, printable},
};

mod database;
mod mail;
mod proxy;
mod settings;

pub(super) async fn run() -> Result<(), CliError> {
    let mut report = Report::default();
    match Config::load(Mode::Serve, &Variables::from_environment()?) {
        Ok(config) => {
            if let Err(error) = telemetry::start(&config) {
                report.failed("settings", &format!("RUST_LOG is not a valid filter: {error}"));
            }
            settings::check(&config, &mut report);
            database::check(&config, &mut report).await;
            mail::check(&config, &mut report).await;
            proxy::check(&config, &mut report).await;
        }
        // nothing else can be checked without settings
        Err(ConfigError(problems)) => {
            for problem in &problems {
                report.failed("settings", problem);
            }
        }
    }
    report.conclude()
}

/// The number of printed lines with each result.
#[derive(Default)]
struct Report {
    passed: usize,
    warnings: usize,
    failures: usize,
}

impl Report {
    fn ok(&mut self, what: &str, found: &str) {
        self.passed += 1;
        print("ok", what, found);
    }

    /// Reports something that works, but not well. `found` says what to do.
    fn warning(&mut self, what: &str, found: &str) {
        self.warnings += 1;
        print("warning", what, found);
    }

    /// Reports something that does not work. `found` says what to do.
    fn failed(&mut self, what: &str, found: &str) {
        self.failures += 1;
        print("failed", what, found);
    }

    fn conclude(self) -> Result<(), CliError> {
        let Self { passed, warnings, failures } = self;
        println!("ok: {passed}, warnings: {warnings}, failed: {failures}");
        if failures > 0 { Err("the server is not ready for production".into()) } else { Ok(()) }
    }
}

fn print(state: &str, what: &str, found: &str) {
    println!("{state:<8} {what:<18} {}", printable(found));
}
