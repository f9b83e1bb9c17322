//! The account of an operator, made from the command line.

use super::new_account::{Claim, NewAccount, NewAccountInput, claim};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::FieldError,
    storage::{Timestamp, user},
};

/// Why there is no account.
#[derive(Debug)]
pub enum CreateSuperuserRefusal {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Somebody has this address.
    EmailTaken,
    /// Somebody has this username.
    UsernameTaken,
}

impl Refusal for CreateSuperuserRefusal {}

/// Creates the account. Its address counts as proven: the operator vouches for it.
///
/// # Errors
/// Why not.
pub async fn create_superuser(
    app: &App,
    input: NewAccountInput,
) -> Result<user::Model, Failure<CreateSuperuserRefusal>> {
    let account = NewAccount::parse(app, &input).map_err(CreateSuperuserRefusal::InvalidInput)?;
    let row = account.into_row(app, user::Role::Superuser).await?;
    let mut row = row.map_err(|wrong| CreateSuperuserRefusal::InvalidInput(vec![wrong.at("password")]))?;
    row.email_verified_at = row.email.is_some().then_some(Timestamp(app.clock.now()));
    let inserted = row.clone();
    match app.db.write(async move |txn| claim(&txn, inserted).await).await? {
        Claim::Granted => Ok(row),
        Claim::EmailTaken => Err(CreateSuperuserRefusal::EmailTaken.into()),
        Claim::UsernameTaken => Err(CreateSuperuserRefusal::UsernameTaken.into()),
    }
}
