//! Changing a password, or setting the first password of an account.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::new_password::{Owner, check_confirmation, check_new, hash_new};
use crate::{
    app::App,
    challenges,
    fault::{Failure, Refusal},
    input::{FieldError, FieldErrorCode, Inputs, Invalid, Password},
    outbox,
    rate_limit::Address,
    security_changes::SecurityChange,
    sessions::{
        Client, ReauthenticationRequired, Viewer, check_current_password, parse_current_password, step_up,
    },
    storage::{
        Timestamp, challenge, known_address, security_change::ChangeKind, session_end, user, user_changes,
    },
};

/// The current password and the new one.
#[derive(Clone, Debug)]
pub struct ChangePasswordInput {
    /// The current password. Required if the account has one.
    pub current_password: Option<SecretString>,
    /// The new password.
    pub new_password: SecretString,
    /// The new password again. Checked if present.
    pub new_password_confirmation: Option<SecretString>,
}

/// The reasons why the password is not changed.
#[derive(Debug)]
pub enum ChangePasswordRefusal {
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// The current password is wrong.
    InvalidCredentials,
    /// The viewer must reauthenticate first, because the account has no password yet or has a second factor.
    ReauthenticationRequired,
}

impl Refusal for ChangePasswordRefusal {}

impl From<ReauthenticationRequired> for ChangePasswordRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Sets the password and ends the viewer's other sessions, including any that are still being opened. Returns the IDs
/// of the ended sessions. A first password adds a way to sign in, so it needs a recent reauthentication. Any other
/// change needs the current password and, if the account has a second factor, a recent proof of that factor.
pub async fn change_password(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: ChangePasswordInput,
) -> Result<Vec<Uuid>, Failure<ChangePasswordRefusal>> {
    let user = &viewer.user;
    if user.password_hash.is_none() || user.has_second_factor() {
        step_up(app, viewer)?;
    }
    let owner = Owner::of(user);
    let (current, new) = parse(app, user, &owner, &input).map_err(ChangePasswordRefusal::InvalidInput)?;
    check_current_password(app, client, viewer, current)
        .await?
        .ok_or(ChangePasswordRefusal::InvalidCredentials)?;
    let address = Address::rationed(app, client.ip_address);
    let place = app.passwords.place_to_hash(address.as_ref().map(Address::as_str), new.length())?;
    let password_hash = hash_new(app, place, new, &owner)
        .await?
        .map_err(|wrong| ChangePasswordRefusal::InvalidInput(vec![wrong.at("newPassword")]))?;

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
            // the known addresses may include those of a thief who used the old password
            known_address::forget_others(&txn, id, &here).await?;
            let ended = session_end::end_others(&txn, id, keep, now).await?;
            // otherwise an unused reset link could undo the change
            challenge::end_all_of(&txn, id, now).await?;
            if let Some(key) = email_key {
                challenge::end_all(&txn, &key, now).await?;
            }
            Ok(Some(ended))
        })
        .await?;
    outbox::wake(app);
    // `None` means that the credentials changed while they were checked
    Ok(ended.ok_or(ChangePasswordRefusal::InvalidCredentials)?)
}

/// Returns the current password, if the account has one, and the new password.
fn parse(
    app: &App,
    user: &user::Model,
    owner: &Owner,
    input: &ChangePasswordInput,
) -> Result<(Option<Password>, Password), Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let parsed_current = parse_current_password(user, input.current_password.as_ref());
    let current = inputs.check("currentPassword", parsed_current).flatten();
    let parsed_new = Password::parse(input.new_password.expose_secret()).and_then(|new| {
        if current.as_ref().is_some_and(|current| current.equals(&new)) {
            let message = "The new password is the same as the current one.";
            return Err(Invalid::new(FieldErrorCode::Unchanged, message));
        }
        check_new(app, &new, owner).map(|()| new)
    });
    let new = inputs.check("newPassword", parsed_new);
    let confirmation = input.new_password_confirmation.as_ref();
    inputs.check("newPasswordConfirmation", check_confirmation(&input.new_password, confirmation));
    inputs.finish()?;
    Ok((current, new.ok_or_else(Vec::new)?))
}
