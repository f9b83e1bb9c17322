//! Changing one's password, or setting the first.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::new_password::{Owner, check_confirmation, check_new, hash_new};
use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldError, FieldErrorCode, Inputs, Password, Username, Wrong},
    rate_limit::{self, Action},
    sessions::Viewer,
    storage::{Timestamp, session, user},
};

/// The old password and the new.
#[derive(Clone, Debug)]
pub struct ChangePasswordInput {
    /// May be left out only where there is none.
    pub current_password: Option<SecretString>,
    /// The new password.
    pub new_password: SecretString,
    /// The new password again; checked where given.
    pub new_password_confirmation: Option<SecretString>,
}

/// Why the password stays as it was.
#[derive(Debug)]
pub enum ChangePasswordError {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// The current password is another.
    InvalidCredentials,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ChangePasswordError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Sets the password and ends the viewer's other sessions, those that are being opened included. Says which.
///
/// # Errors
/// Why not.
pub async fn change_password(
    app: &App,
    viewer: &Viewer,
    input: ChangePasswordInput,
) -> Result<Vec<Uuid>, ChangePasswordError> {
    let user = &viewer.user;
    // what is stored was parsed once
    let email = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok());
    let username = user.username.as_deref().and_then(|username| Username::parse(username).ok());
    let owner = Owner {
        email: email.as_ref(),
        username: username.as_ref(),
        names: [user.name.as_deref(), user.first_name.as_deref(), user.last_name.as_deref()],
    };
    let (current, new) = parse(app, user, owner, &input).map_err(ChangePasswordError::InvalidInput)?;
    rate_limit::charge(app, Action::PasswordChange(user.id)).await?;

    if let Some(current) = current
        && !app.passwords.verify(current.into_secret(), user.password_hash.as_deref()).await?
    {
        return Err(ChangePasswordError::InvalidCredentials);
    }
    let password_hash = hash_new(app, new, owner).await?;
    let password_hash =
        password_hash.map_err(|wrong| ChangePasswordError::InvalidInput(vec![wrong.at("newPassword")]))?;

    let (id, version, keep) = (user.id, user.credentials_version, viewer.session.id);
    let now = Timestamp(app.clock.now());
    let ended = app
        .db
        .write(async move |txn| {
            if !user::set_password(&txn, id, version, password_hash, now).await? {
                return Ok(None);
            }
            session::end_others(&txn, id, keep, now).await.map(Some)
        })
        .await?;
    // the credentials changed while they were checked
    ended.ok_or(ChangePasswordError::InvalidCredentials)
}

/// The current password, where there is one, and the new.
fn parse(
    app: &App,
    user: &user::Model,
    owner: Owner<'_>,
    input: &ChangePasswordInput,
) -> Result<(Option<Password>, Password), Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let current = inputs.check(
        "currentPassword",
        match &input.current_password {
            _ if user.password_hash.is_none() => Ok(None),
            Some(current) => Password::parse(current.expose_secret()).map(Some),
            None => Err(Wrong::new(FieldErrorCode::Required, "The current password is required.")),
        },
    );
    let current = current.flatten();
    let new = Password::parse(input.new_password.expose_secret());
    let new = inputs.check(
        "newPassword",
        new.and_then(|new| {
            if current.as_ref().is_some_and(|current| current.equals(&new)) {
                return Err(Wrong::new(FieldErrorCode::Unchanged, "The new password is the current one."));
            }
            check_new(app, &new, owner).map(|()| new)
        }),
    );
    let again = input.new_password_confirmation.as_ref();
    inputs.check("newPasswordConfirmation", check_confirmation(&input.new_password, again));
    inputs.finish()?;
    Ok((current, new.ok_or_else(Vec::new)?))
}
