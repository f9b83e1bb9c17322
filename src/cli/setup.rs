//! The first steps of all commands.

use std::error::Error;

use crate::{
    config::{Config, Mode, Variables},
    secrets,
    storage::migrate,
    telemetry::{self, COMMIT, VERSION},
};

/// An error for the person at the terminal.
pub type CliError = Box<dyn Error + Send + Sync>;

/// Loads the settings and starts the log.
pub(super) fn load(mode: Mode) -> Result<Config, CliError> {
    let config = start_log(mode, &Variables::from_environment()?)?;
    warn(&config);
    Ok(config)
}

/// Loads the settings of a server, and starts its traces and its log. The log begins with the server's version and its changed
/// settings.
pub(super) fn load_server(mode: Mode, variables: &Variables) -> Result<Config, CliError> {
    secrets::prepare();
    let config = start_log(mode, variables)?;
    telemetry::start_traces(&config)?;
    let changed: Vec<&str> =
        config.report.iter().filter(|setting| setting.is_changed).map(|setting| &*setting.name).collect();
    // names only, because values may be secrets or addresses
    tracing::info!(
        version = VERSION,
        commit = COMMIT,
        schema = migrate::schema_version(),
        settings = changed.join(","),
        "Gatehouse is starting"
    );
    warn(&config);
    Ok(config)
}

fn start_log(mode: Mode, variables: &Variables) -> Result<Config, CliError> {
    let config = Config::load(mode, variables)?;
    telemetry::start(&config)?;
    Ok(config)
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}
