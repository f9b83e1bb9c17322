//! The first steps of all commands.

use std::error::Error;

use crate::{
    config::{Config, Mode, Variables},
    telemetry,
};

/// An error for the person at the terminal.
pub type CliError = Box<dyn Error + Send + Sync>;

/// Loads the settings and starts the log.
pub(super) fn load(mode: Mode) -> Result<Config, CliError> {
    load_from(mode, &Variables::from_environment()?)
}

pub(super) fn load_from(mode: Mode, variables: &Variables) -> Result<Config, CliError> {
    let config = Config::load(mode, variables)?;
    telemetry::start(&config).map_err(|error| format!("RUST_LOG is not a valid filter: {error}"))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
