//! `gatehouse schema`.

use std::io::{self, Write};

use super::setup::CliError;
use crate::{
    config::{Config, Mode, Variables},
    graphql::{self, guard::documents::Documents},
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the response to an introspection query instead, for tools that read JSON
    #[arg(long)]
    json: bool,
    /// Print the OpenAPI description of the REST endpoints instead
    #[arg(long, conflicts_with = "json")]
    openapi: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), CliError> {
    let text = match arguments {
        Arguments { json: true, .. } => graphql::introspection::json().await? + "\n",
        Arguments { openapi: true, .. } => {
            let config = Config::load(Mode::Command, &Variables::from_environment()?)?;
            let documents = Documents::load(&config)?;
            graphql::openapi::describe(&documents, config.server.base_url()) + "\n"
        }
        _ => graphql::sdl(),
    };
    match io::stdout().write_all(text.as_bytes()) {
        // the reader, such as `head`, has seen enough
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
