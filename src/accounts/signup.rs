//! Creating one's own account.

use super::new_account::{Claim, NewAccount, NewAccountInput, claim};
use crate::{
    app::App,
    fault::Fault,
    input::FieldError,
    rate_limit::{self, Action, Address},
    sessions::{Client, Opening, SignedIn},
    storage::user::Role,
};

/// Why there is no account.
#[derive(Debug)]
pub enum SignupError {
    /// People do not sign up here.
    NotEnabled,
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Somebody has this address.
    EmailTaken,
    /// Somebody has this username.
    UsernameTaken,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for SignupError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Creates an account and signs in. Costs one hash, whether or not the names are free.
///
/// # Errors
/// Why not.
pub async fn signup(app: &App, client: &Client, input: NewAccountInput) -> Result<SignedIn, SignupError> {
    if !app.config.signup {
        return Err(SignupError::NotEnabled);
    }
    let account = NewAccount::parse(app, &input).map_err(SignupError::InvalidInput)?;
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::Signup(&address)).await?;
    }
    let row = account.into_row(app, Role::User).await?;
    let row = row.map_err(|wrong| SignupError::InvalidInput(vec![wrong.at("password")]))?;

    let opening = Opening::new(app, &row, client);
    let (claim, opened) = app
        .db
        .write(async move |txn| {
            let claim = claim(&txn, row).await?;
            let opened = if claim == Claim::Granted { opening.open(&txn).await? } else { None };
            Ok((claim, opened))
        })
        .await?;
    match (claim, opened) {
        (Claim::Granted, Some(opened)) => Ok(SignedIn::issue(app, opened)?),
        (Claim::Granted, None) => Err(Fault::internal("a new account could not be signed in to").into()),
        (Claim::EmailTaken, _) => Err(SignupError::EmailTaken),
        (Claim::UsernameTaken, _) => Err(SignupError::UsernameTaken),
    }
}
