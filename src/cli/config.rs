//! `gatehouse config`.

use super::setup::{CliError, load};
use crate::{
    config::{Config, Mode, Setting, Variables, reference},
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
    let of_serve = Config::report_of_serve(&Variables::from_environment()?);
    for (setting, of_serve) in config.report.iter().zip(&of_serve) {
        let line = format!("{:<34} {:<12} {}", setting.name, setting.source, printable(&setting.value));
        println!("{line}{}", difference(setting, of_serve));
    }
    Ok(())
}

/// Returns a note on the value that `serve` uses if it differs from the one shown, or else an empty string.
fn difference(setting: &Setting, of_serve: &Setting) -> String {
    if of_serve.source != "default" {
        return String::new();
    }
    match of_serve.value.as_str() {
        _ if of_serve.is_required => "  (required by serve)".to_owned(),
        value if value == setting.value => String::new(),
        "" => "  (serve: empty)".to_owned(),
        value => format!("  (serve: {})", printable(value)),
    }
}
