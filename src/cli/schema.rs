//! `gatehouse schema`.

use std::io::{self, Write};

use super::setup::CliError;
use crate::graphql;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the response to an introspection query instead, for tools that read JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), CliError> {
    let text = if arguments.json { graphql::introspection::json().await? + "\n" } else { graphql::sdl() };
    match io::stdout().write_all(text.as_bytes()) {
        // the reader, such as `head`, has seen enough
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
