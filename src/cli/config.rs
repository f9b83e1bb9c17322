//! `gatehouse config`.

use super::setup::{CliError, load};
use crate::{config::Mode, telemetry::printable};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the settings for `serve` instead of `dev`
    #[arg(long)]
    serve: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let config = load(if arguments.serve { Mode::Serve } else { Mode::Command })?;
    for setting in config.report {
        println!("{:<34} {:<12} {}", setting.name, setting.source, printable(&setting.value));
    }
    Ok(())
}
