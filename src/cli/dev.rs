//! `gatehouse dev`.

use super::{CliError, load, serve};
use crate::{app::App, config::Mode, http::welcome, storage::migrate};

#[derive(clap::Args, Debug, Default)]
pub(super) struct Arguments {
    /// Let other machines reach it: development mode keeps no secrets from whoever can
    #[arg(long)]
    expose: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Dev)?;
    if !config.is_loopback() && !arguments.expose {
        let host = &config.host;
        return Err(format!(
            "HOST={host} lets other machines reach development mode; if you mean it, add --expose"
        )
        .into());
    }
    migrate::migrate(&config).await?;
    let welcome = welcome::text(&config);
    let app = App::build(config).await?;
    serve::listen(app, || println!("{welcome}")).await
}
