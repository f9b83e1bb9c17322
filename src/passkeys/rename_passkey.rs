//! Renaming a passkey.

use uuid::Uuid;

use super::passkey_name::passkey_name;
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::{FieldError, FieldErrorCode, Invalid},
    rate_limit::{self, Action},
    sessions::{ReauthenticationRequired, Viewer, step_up},
    storage::passkey,
};

/// The reasons why a passkey keeps its name.
#[derive(Debug)]
pub enum RenamePasskeyRefusal {
    /// The viewer has no such passkey.
    NotFound,
    /// The name is invalid.
    InvalidInput(FieldError),
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for RenamePasskeyRefusal {}

impl From<ReauthenticationRequired> for RenamePasskeyRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Renames one of the viewer's passkeys.
pub async fn rename_passkey(
    app: &App,
    viewer: &Viewer,
    id: Uuid,
    name: &str,
) -> Result<passkey::Model, Failure<RenamePasskeyRefusal>> {
    // needs a recent proof, because a thief who swaps two names could make the owner remove the wrong passkey
    let user_id = step_up(app, viewer)?.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    let blank = || Invalid::new(FieldErrorCode::Required, "A name is required.").at("name");
    let name = passkey_name(name).and_then(|name| name.ok_or_else(blank));
    let name = name.map_err(RenamePasskeyRefusal::InvalidInput)?;
    let rename = async move |txn| passkey::rename(&txn, id, user_id, name.clone()).await;
    Ok(app.db.write_one(rename).await?.ok_or(RenamePasskeyRefusal::NotFound)?)
}
