//! `gatehouse schema`.

use super::setup::CliError;
use crate::graphql;

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Print the response to an introspection query instead, for tools that read JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), CliError> {
    if arguments.json {
        println!("{}", graphql::introspection::json().await?);
    } else {
        print!("{}", graphql::sdl());
    }
    Ok(())
}
