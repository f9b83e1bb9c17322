//! `gatehouse migrate`.

use super::setup::{CliError, load};
use crate::{
    config::{Config, Mode},
    storage::migrate::{self, MigrationState},
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// Show the state of each migration without changing anything
    #[arg(long)]
    status: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    if arguments.status {
        for migration in migrate::status(&config).await? {
            let state = match migration.state {
                MigrationState::Applied => "applied",
                MigrationState::Pending => "pending",
                MigrationState::Newer => "newer",
                MigrationState::TooNew => "too new",
            };
            println!("{state:<8} {}", migration.name);
        }
        return Ok(());
    }
    let applied = migrate::migrate(&config).await?;
    for migration in &applied {
        println!("applied  {}", migration.name);
    }
    Ok(())
}

/// Fails if this version does not work with the tables of the database.
pub(super) async fn require_migrated(config: &Config) -> Result<(), CliError> {
    require_none(migrate::count_pending(config).await?)
}

/// Fails if there are pending migrations.
pub(super) fn require_none(pending: usize) -> Result<(), CliError> {
    match pending {
        0 => Ok(()),
        _ => {
            Err(format!("the database has {pending} pending migrations: run `gatehouse migrate` first")
                .into())
        }
    }
}
