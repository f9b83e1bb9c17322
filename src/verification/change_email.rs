//! Taking another address.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError, FieldErrorCode, Inputs, Invalid, Password},
    outbox,
    rate_limit::{self, Action},
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{challenge::Purpose, user},
};

/// The new address, and who says so.
#[derive(Clone, Debug)]
pub struct ChangeEmailInput {
    /// The address to be.
    pub new_email: String,
    /// May be left out only where there is none.
    pub current_password: Option<SecretString>,
}

/// Why nothing was mailed.
#[derive(Debug)]
pub enum ChangeEmailRefusal {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// The current password is another.
    InvalidCredentials,
    /// The viewer has not proven recently enough who they are.
    ReauthenticationRequired,
}

impl Refusal for ChangeEmailRefusal {}

impl From<ReauthenticationRequired> for ChangeEmailRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Mails a code to the new address. In the session that asked, and nowhere else, it makes the address the account's.
///
/// # Errors
/// [`ChangeEmailRefusal::InvalidCredentials`] if the current password is another.
pub async fn change_email(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: ChangeEmailInput,
) -> Result<IssuedChallenge, Failure<ChangeEmailRefusal>> {
    let viewer = step_up(app, viewer)?;
    let user = &viewer.user;
    let (email, password) = parse(user, &input).map_err(ChangeEmailRefusal::InvalidInput)?;
    let attempt = rate_limit::charge(app, Action::PasswordProof(viewer.session.id)).await?;
    if let Some(password) = password {
        let verified = app.passwords.verify(password.into_secret(), user.password_hash.as_deref()).await;
        if !attempt.unless_busy(app, verified).await?.is_right {
            return Err(ChangeEmailRefusal::InvalidCredentials.into());
        }
    }
    let permit =
        challenges::charge(app, Asker::of(client.ip_address, user.id), Purpose::ChangeEmail, &email).await?;
    let about = About { user_id: Some(user.id), session_id: Some(viewer.session.id), registration: None };
    let challenge = Challenge::new(app, Purpose::ChangeEmail, &email, about, permit);
    let (id, version) = (user.id, user.credentials_version);
    let issued = app
        .db
        .write(async move |txn| {
            let is_same = |user: &user::Model| user.credentials_version == version;
            if !user::lock(&txn, &[id]).await?.first().is_some_and(is_same) {
                return Ok(None);
            }
            challenge.insert(&txn).await.map(Some)
        })
        .await?;
    outbox::wake(app);
    // the credentials changed while they were checked
    Ok(issued.ok_or(ChangeEmailRefusal::InvalidCredentials)?)
}

fn parse(
    user: &user::Model,
    input: &ChangeEmailInput,
) -> Result<(EmailAddress, Option<Password>), Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let email = EmailAddress::parse(&input.new_email).and_then(|email| {
        let is_same = user.email.as_deref() == Some(email.as_str()) && user.email_verified_at.is_some();
        let unchanged = || Invalid::new(FieldErrorCode::Unchanged, "This is your address already.");
        if is_same { Err(unchanged()) } else { Ok(email) }
    });
    let email = inputs.check("newEmail", email);
    let password = inputs.check(
        "currentPassword",
        match &input.current_password {
            _ if user.password_hash.is_none() => Ok(None),
            Some(password) => Password::parse(password.expose_secret()).map(Some),
            None => Err(Invalid::new(FieldErrorCode::Required, "The current password is required.")),
        },
    );
    inputs.finish()?;
    Ok((email.ok_or_else(Vec::new)?, password.flatten()))
}
