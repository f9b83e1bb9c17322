//! `gatehouse config`.

use super::setup::{CliError, load};
use crate::{
    config::{Mode, reference},
    telemetry::printable,
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the settings for `serve` instead of `dev`
    #[arg(long)]
    serve: bool,
    /// Print the reference of all settings in Markdown, not their values
    #[arg(long, conflicts_with = "serve")]
    markdown: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    if arguments.markdown {
        print!("{}", reference());
        return Ok(());
    }
    let config = load(if arguments.serve { Mode::Serve } else { Mode::Command })?;
    for setting in config.report {
        println!("{:<34} {:<12} {}", setting.name, setting.source, printable(&setting.value));
    }
    Ok(())
}
