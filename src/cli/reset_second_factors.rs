//! `gatehouse reset-second-factors`.

use super::{
    migrate::require_migrated,
    setup::{CliError, load},
};
use crate::{accounts::reset_second_factors_by_operator, app::App, config::Mode, fault::Failure};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The email address or username of the account
    account: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    require_migrated(&config).await?;
    let app = App::build(config).await?;
    let account = &arguments.account;
    let before = reset_second_factors_by_operator(&app, account).await.map_err(|failure| match failure {
        Failure::Fault(fault) => CliError::from(fault),
        Failure::Refused(_) => {
            format!("{account} can sign in only with a passkey, so nothing was removed").into()
        }
    })?;
    let before = before.ok_or_else(|| format!("there is no account {account}"))?;
    if before.has_second_factor() {
        println!("Removed the second factors of {account}. A running server emails the owner.");
    } else {
        println!("{account} has no second factor.");
    }
    Ok(())
}
