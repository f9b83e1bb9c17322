//! Changing one's password, or setting the first.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::new_password::{Owner, check_confirmation, check_new, hash_new};
use crate::{
    app::App,
    challenges,
    fault::{Failure, Refusal},
    input::{FieldError, FieldErrorCode, Inputs, Invalid, Password},
    outbox,
    rate_limit::{self, Action, Address},
    security_changes::SecurityChange,
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{
        Timestamp, challenge, known_address, security_change::ChangeKind, session_end, user, user_changes,
    },
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
pub enum ChangePasswordRefusal {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// The current password is another.
    InvalidCredentials,
    /// It would be the first password, and the viewer has not proven recently enough who they are.
    ReauthenticationRequired,
}

impl Refusal for ChangePasswordRefusal {}

impl From<ReauthenticationRequired> for ChangePasswordRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Sets the password and ends the viewer's other sessions, those that are being opened included. Returns the sessions that it
/// ended. The first password is a new way in, and needs a recent proof; others need the current one.
///
/// # Errors
/// [`ChangePasswordRefusal::InvalidCredentials`] if the current password is another.
pub async fn change_password(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: ChangePasswordInput,
) -> Result<Vec<Uuid>, Failure<ChangePasswordRefusal>> {
    let user = &viewer.user;
    if user.password_hash.is_none() {
        step_up(app, viewer)?;
    }
    let owner = Owner::of(user);
    let (current, new) = parse(app, user, &owner, &input).map_err(ChangePasswordRefusal::InvalidInput)?;
    let attempt = rate_limit::charge(app, Action::PasswordProof(viewer.session.id)).await?;

    if let Some(current) = current {
        let verified = app.passwords.verify(current.into_secret(), user.password_hash.as_deref()).await;
        if !attempt.unless_busy(app, verified).await?.is_right {
            return Err(ChangePasswordRefusal::InvalidCredentials.into());
        }
    }
    let password_hash = hash_new(app, new, &owner).await?;
    let password_hash =
        password_hash.map_err(|wrong| ChangePasswordRefusal::InvalidInput(vec![wrong.at("newPassword")]))?;

    let (id, version, keep) = (user.id, user.credentials_version, viewer.session.id);
    let (now, email_key) = (Timestamp(app.clock.now()), user.email_key.clone());
    let here = client.ip_address.map(|address| Address::of(address).as_str().to_owned()).unwrap_or_default();
    let change = SecurityChange::announce(app, user, ChangeKind::PasswordChanged).await?;
    let restoration = challenges::restore(app, user.email.as_deref());
    let ended = app
        .db
        .write(async move |txn| {
            restoration.apply(&txn).await?;
            let before = user::lock(&txn, &[id]).await?.pop();
            if !user_changes::set_password(&txn, id, version, password_hash, now).await? {
                return Ok(None);
            }
            if let Some(before) = before {
                change.insert(&txn, &before, &[]).await?;
            }
            // whoever had the old password is a stranger again wherever they used it
            known_address::forget_others(&txn, id, &here).await?;
            let ended = session_end::end_others(&txn, id, keep, now).await?;
            // a link in somebody's mailbox would undo it
            challenge::end_all_of(&txn, id, now).await?;
            if let Some(key) = email_key {
                challenge::end_all(&txn, &key, now).await?;
            }
            Ok(Some(ended))
        })
        .await?;
    outbox::wake(app);
    // the credentials changed while they were checked
    Ok(ended.ok_or(ChangePasswordRefusal::InvalidCredentials)?)
}

/// The current password, where there is one, and the new.
fn parse(
    app: &App,
    user: &user::Model,
    owner: &Owner,
    input: &ChangePasswordInput,
) -> Result<(Option<Password>, Password), Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let current = inputs.check(
        "currentPassword",
        match &input.current_password {
            _ if user.password_hash.is_none() => Ok(None),
            Some(current) => Password::parse(current.expose_secret()).map(Some),
            None => Err(Invalid::new(FieldErrorCode::Required, "The current password is required.")),
        },
    );
    let current = current.flatten();
    let new = Password::parse(input.new_password.expose_secret());
    let new = inputs.check(
        "newPassword",
        new.and_then(|new| {
            if current.as_ref().is_some_and(|current| current.equals(&new)) {
                return Err(Invalid::new(FieldErrorCode::Unchanged, "The new password is the current one."));
            }
            check_new(app, &new, owner).map(|()| new)
        }),
    );
    let again = input.new_password_confirmation.as_ref();
    inputs.check("newPasswordConfirmation", check_confirmation(&input.new_password, again));
    inputs.finish()?;
    Ok((current, new.ok_or_else(Vec::new)?))
}
