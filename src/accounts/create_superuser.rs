//! Creating a superuser from the command line.

use super::new_account::{Claim, Draft, NewAccountInput, claim};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::FieldError,
    storage::{Timestamp, user},
};

/// The reasons why no account is created.
#[derive(Debug)]
pub enum CreateSuperuserRefusal {
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// Another account has this email address.
    EmailTaken,
    /// Another account has this username.
    UsernameTaken,
}

impl Refusal for CreateSuperuserRefusal {}

/// Creates a superuser account. The email address counts as verified, because the operator vouches for it.
pub async fn create_superuser(
    app: &App,
    input: NewAccountInput,
) -> Result<user::Model, Failure<CreateSuperuserRefusal>> {
    let mut draft = Draft::parse(app, &input);
    let place = draft.place_to_hash(app, None)?;
    draft.hash(app, place).await?;
    let mut row = draft.into_row(app, user::Role::Superuser).map_err(CreateSuperuserRefusal::InvalidInput)?;
    row.email_verified_at = row.email.is_some().then_some(Timestamp(app.clock.now()));
    let inserted = row.clone();
    match app.db.write(async move |txn| claim(&txn, inserted).await).await? {
        Claim::Granted => Ok(row),
        Claim::EmailTaken => Err(CreateSuperuserRefusal::EmailTaken.into()),
        Claim::UsernameTaken => Err(CreateSuperuserRefusal::UsernameTaken.into()),
    }
}
