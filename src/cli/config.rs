//! `gatehouse config`.

use super::setup::{CliError, load};
use crate::{
    config::{Config, Mode, Setting, Variables, reference},
    events::Events,
    fault::Fault,
    storage::{self, totp},
    telemetry::{printable, with_causes},
    tokens::Tokens,
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the settings for `serve` instead of `dev`
    #[arg(long)]
    serve: bool,
    /// Print a reference of all settings in Markdown instead of their values
    #[arg(long, conflicts_with = "serve")]
    markdown: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), CliError> {
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
    if !config.tokens.secret_key_fallbacks.is_empty() {
        println!("\n{}", use_of_fallbacks(&config).await);
    }
    Ok(())
}

/// Reports whether the operator can remove `SECRET_KEY_FALLBACKS`.
async fn use_of_fallbacks(config: &Config) -> String {
    let count = async {
        let db = storage::connect(config, &Events::default()).await?;
        let tokens = Tokens::new(config, Vec::new()).map_err(Fault::internal)?;
        let current = tokens.totp_secrets.current_name().to_owned();
        Ok::<_, Fault>(totp::count_sealed_under_others(db.read(), &current).await?)
    };
    match count.await {
        Ok(0) => "No stored secret needs SECRET_KEY_FALLBACKS anymore. Tokens and emailed links may need it until they expire."
            .to_owned(),
        Ok(1) => {
            "1 stored secret still needs SECRET_KEY_FALLBACKS. A running server re-encrypts it.".to_owned()
        }
        Ok(number) => {
            format!(
                "{number} stored secrets still need SECRET_KEY_FALLBACKS. A running server re-encrypts them."
            )
        }
        Err(error) => format!(
            "It is not known whether stored secrets need SECRET_KEY_FALLBACKS, because the database cannot be read: {}",
            with_causes(&error)
        ),
    }
}

/// Returns a note about the value that `serve` would use, or an empty string if `serve` would use the value shown.
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
