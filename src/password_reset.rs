//! Forgotten passwords: a link by mail, and a new password for it.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    accounts::{Owner, check_confirmation, check_new, hash_new, notice},
    app::App,
    challenges::{self, About, Asked, Challenge},
    fault::Fault,
    input::{EmailAddress, FieldError, Inputs, Password},
    outbox,
    rate_limit::{self, Action},
    storage::{
        self, Timestamp,
        challenge::{self, Purpose},
        identity, known_address, session, user,
    },
};

/// Why nothing was mailed.
#[derive(Debug)]
pub enum RequestPasswordResetError {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for RequestPasswordResetError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Mails a link. The answer is the same whether or not the address is known. Links do not supersede each other, so nobody can
/// spoil another's.
///
/// # Errors
/// Why not.
pub async fn request_password_reset(app: &App, email: &str) -> Result<Asked, RequestPasswordResetError> {
    let email = EmailAddress::parse(email)
        .map_err(|wrong| RequestPasswordResetError::InvalidInput(vec![wrong.at("email")]))?;
    let permit = challenges::charge(app, Purpose::ResetPassword, &email).await?;
    let challenge = Challenge::new(app, Purpose::ResetPassword, &email, About::default(), permit);
    let asked = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    Ok(asked)
}

/// A new password, and the leave to set it.
#[derive(Clone, Debug)]
pub struct ResetPasswordInput {
    /// The token of the link.
    pub token: SecretString,
    /// The new password.
    pub new_password: SecretString,
    /// The new password again; checked where given.
    pub new_password_confirmation: Option<SecretString>,
}

/// Why the password stays as it was.
#[derive(Debug)]
pub enum ResetPasswordError {
    /// The token is unknown, expired or spent: never told apart.
    InvalidToken,
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ResetPasswordError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Sets the password, which proves the address too, and ends every session, those that are being opened included. Says which.
/// Nobody is signed in by it.
///
/// # Errors
/// Why not.
pub async fn reset_password(app: &App, input: ResetPasswordInput) -> Result<Vec<Uuid>, ResetPasswordError> {
    let now = Timestamp(app.clock.now());
    let id = app.tokens.read_link_token(Purpose::ResetPassword, input.token.expose_secret());
    let id = id.ok_or(ResetPasswordError::InvalidToken)?;
    let challenge = challenge::find_live(app.db.read(), id, now).await?;
    let challenge = challenge.filter(|challenge| challenge.purpose == Purpose::ResetPassword);
    let challenge = challenge.ok_or(ResetPasswordError::InvalidToken)?;
    let user = user::find_by_email_key(app.db.read(), &challenge.email_key).await?;
    let user = user.ok_or(ResetPasswordError::InvalidToken)?;

    let owner = Owner::of(&user);
    let new = parse(app, &owner, &input).map_err(ResetPasswordError::InvalidInput)?;
    let attempt = rate_limit::charge(app, Action::PasswordChange(user.id)).await?;
    let password_hash = attempt.unless_busy(app, hash_new(app, new, &owner).await).await?;
    let password_hash =
        password_hash.map_err(|wrong| ResetPasswordError::InvalidInput(vec![wrong.at("newPassword")]))?;

    let notice = notice(app, &user);
    let user_id = user.id;
    let ended = app
        .db
        .write(async move |txn| {
            // the account may have gone to another address since
            let owner = challenges::lock(&txn, &challenge, now).await?.filter(|owner| owner.id == user_id);
            let Some(owner) = owner.filter(|owner| owner.email_key.as_ref() == Some(&challenge.email_key))
            else {
                return Ok(None);
            };
            // a deactivated account stays as it is: its link is spent, and sets nothing
            if challenge::end(&txn, challenge.id, now).await?.is_none() || !owner.is_active {
                return Ok(None);
            }
            if owner.email_verified_at.is_none() {
                // whoever linked them never proved the address
                identity::delete_all(&txn, user_id, now).await?;
            }
            user::reset_password(&txn, user_id, Some(password_hash), now).await?;
            let ended = session::end_all(&txn, user_id, now).await?;
            // whoever had the old password is a stranger again wherever they used it
            known_address::forget_others(&txn, user_id, "").await?;
            challenge::end_all(&txn, &challenge.email_key, now).await?;
            challenge::end_all_of(&txn, user_id, now).await?;
            if let Some(notice) = notice {
                storage::outbox::insert(&txn, notice).await?;
            }
            Ok(Some(ended))
        })
        .await?;
    outbox::wake(app);
    ended.ok_or(ResetPasswordError::InvalidToken)
}

fn parse(app: &App, owner: &Owner, input: &ResetPasswordInput) -> Result<Password, Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let new = Password::parse(input.new_password.expose_secret());
    let new = inputs.check("newPassword", new.and_then(|new| check_new(app, &new, owner).map(|()| new)));
    let again = input.new_password_confirmation.as_ref();
    inputs.check("newPasswordConfirmation", check_confirmation(&input.new_password, again));
    inputs.finish()?;
    new.ok_or_else(Vec::new)
}
