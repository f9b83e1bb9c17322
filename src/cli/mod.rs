//! The command line, with one file for each command.

use clap::{Parser, Subcommand};

mod backup;
mod check;
mod config;
mod create_superuser;
mod dev;
mod import_users;
mod mail;
mod migrate;
mod reset_second_factors;
mod schema;
mod secret;
mod serve;
mod setup;

pub use setup::CliError;

/// An account and sign-in server that speaks GraphQL.
///
/// Without a command, Gatehouse runs `dev`. Settings are environment variables, which can also be set in `.env`.
/// `gatehouse config` lists them.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run on a developer's machine: needs no settings and keeps all data in `data`
    Dev(dev::Arguments),
    /// Run in production: needs `SECRET_KEY`, `DATABASE_URL`, `PUBLIC_URL`, `SMTP_URL` and `EMAIL_FROM`
    Serve(serve::Arguments),
    /// Update the database tables to this version
    Migrate(migrate::Arguments),
    /// Create an operator's account, which has all permissions
    CreateSuperuser(create_superuser::Arguments),
    /// Test whether emails are delivered, and list those that are not
    #[command(subcommand)]
    Mail(mail::Command),
    /// Copy a SQLite database to a new file, even while servers use the database, and check the copy
    Backup(backup::Arguments),
    /// Check the settings, the database, the mail server and the proxy before going live
    Check,
    /// Import the accounts of a Django project, including passwords
    ImportUsers(import_users::Arguments),
    /// Remove the second factors of an account whose owner has lost them
    ResetSecondFactors(reset_second_factors::Arguments),
    /// Print the GraphQL schema
    Schema(schema::Arguments),
    /// Print every setting in effect and its source; secrets are hidden
    Config(config::Arguments),
    /// Print a new `SECRET_KEY`
    Secret,
}

/// Runs the command on a new runtime.
///
/// The runtime is here and not in `main.rs`, because futures are compiled in the crate that polls them. Otherwise, the
/// program would contain most of the server twice.
pub fn run(cli: Cli) -> Result<(), CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run_command(cli))
}

async fn run_command(cli: Cli) -> Result<(), CliError> {
    match cli.command.unwrap_or(Command::Dev(dev::Arguments::default())) {
        Command::Dev(arguments) => Box::pin(dev::run(arguments)).await,
        Command::Serve(arguments) => Box::pin(serve::run(arguments)).await,
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::CreateSuperuser(arguments) => create_superuser::run(arguments).await,
        Command::Mail(command) => mail::run(command).await,
        Command::ImportUsers(arguments) => import_users::run(arguments).await,
        Command::Backup(arguments) => backup::run(arguments).await,
        Command::Check => Box::pin(check::run()).await,
        Command::ResetSecondFactors(arguments) => reset_second_factors::run(arguments).await,
        Command::Schema(arguments) => schema::run(&arguments).await,
        Command::Config(arguments) => config::run(&arguments).await,
        Command::Secret => {
            secret::run();
            Ok(())
        }
    }
}
