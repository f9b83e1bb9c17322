//! `gatehouse dev`.

use super::{
    serve,
    setup::{CliError, load_server},
};
use crate::{
    app::App,
    config::{Mode, Variables},
    http::welcome,
    storage::migrate,
};
#[cfg(debug_assertions)]
use crate::{clock::Clock, fake_provider::FakeProvider};

#[derive(clap::Args, Debug, Default)]
pub(super) struct Arguments {
    /// Accept connections from other machines. Everyone who can connect can read all emails
    #[arg(long)]
    expose: bool,
    /// Start stand-ins for the sign-in providers. The stand-ins sign in anyone without a password. Not available in
    /// release builds
    #[cfg(debug_assertions)]
    #[arg(long)]
    fake_providers: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let variables = Variables::from_environment()?;
    #[cfg(debug_assertions)]
    let variables = if arguments.fake_providers {
        let mut variables = variables;
        for kind in FakeProvider::ALL {
            let fake = FakeProvider::start(kind, &Clock::default()).await?;
            variables = variables.with("--fake-providers", fake.settings());
        }
        variables
    } else {
        variables
    };
    let config = load_server(Mode::Dev, &variables)?;
    if !config.server.is_loopback() && !arguments.expose {
        let host = &config.server.host;
        return Err(format!(
            "HOST={host} lets other machines connect to a server in development mode; add --expose to confirm"
        )
        .into());
    }
    migrate::migrate(&config).await?;
    let app = App::build(config).await?;
    let welcome = welcome::text(&app);
    Box::pin(serve::listen(app, serve::told_to_stop(), || println!("{welcome}"))).await
}
