//! Changing the viewer's email address.

use secrecy::SecretString;

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Refusal},
    input::{EmailAddress, FieldError, FieldErrorCode, Inputs, Invalid, Password},
    outbox,
    sessions::{
        Client, ReauthenticationRequired, Viewer, check_current_password, parse_current_password, step_up,
    },
    storage::{challenge::Purpose, user},
};

/// The new email address, and the password that proves that the user requests the change.
#[derive(Clone, Debug)]
pub struct ChangeEmailInput {
    /// The new email address.
    pub new_email: String,
    /// The current password. Required if the account has one.
    pub current_password: Option<SecretString>,
}

/// The reasons why no code is emailed.
#[derive(Debug)]
pub enum ChangeEmailRefusal {
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// The current password is wrong.
    InvalidCredentials,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
    /// The viewer must enroll a second factor first.
    EnrolmentRequired,
}

impl Refusal for ChangeEmailRefusal {}

impl From<ReauthenticationRequired> for ChangeEmailRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Emails a code to the new email address. The account gets that address when the code is entered in the session that
/// requested it.
pub async fn change_email(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: ChangeEmailInput,
) -> Result<IssuedChallenge, Failure<ChangeEmailRefusal>> {
    let viewer = step_up(app, viewer)?;
    let user = &viewer.user;
    // before enrolling a factor, a user may still replace an unproven address: it may be misspelled, and no factor can
    // be enrolled without a proven address
    if viewer.must_enroll(app) && user.email_verified_at.is_some() {
        return Err(ChangeEmailRefusal::EnrolmentRequired.into());
    }
    let (email, password) = parse(user, &input).map_err(ChangeEmailRefusal::InvalidInput)?;
    check_current_password(app, client, &viewer, password)
        .await?
        .ok_or(ChangeEmailRefusal::InvalidCredentials)?;
    let permit =
        challenges::charge(app, Asker::of(client.ip_address, user.id), Purpose::ChangeEmail, &email).await?;
    let about = About { user_id: Some(user.id), session_id: Some(viewer.session.id), registration: None };
    let challenge = Challenge::new(app, Purpose::ChangeEmail, &email, about, permit);
    let (id, version) = (user.id, user.credentials_version);
    let issued = app
        .db
        .write(async move |txn| {
            let is_unchanged = |user: &user::Model| user.credentials_version == version;
            if !user::lock(&txn, &[id]).await?.first().is_some_and(is_unchanged) {
                return Ok(None);
            }
            challenge.insert(&txn).await.map(Some)
        })
        .await?;
    outbox::wake(app);
    // `None` if the credentials changed while they were checked
    Ok(issued.ok_or(ChangeEmailRefusal::InvalidCredentials)?)
}

fn parse(
    user: &user::Model,
    input: &ChangeEmailInput,
) -> Result<(EmailAddress, Option<Password>), Vec<FieldError>> {
    let mut inputs = Inputs::default();
    let changed = EmailAddress::parse(&input.new_email).and_then(|email| {
        let is_same = user.email.as_deref() == Some(email.as_str()) && user.email_verified_at.is_some();
        let unchanged = || Invalid::new(FieldErrorCode::Unchanged, "This is already your email address.");
        if is_same { Err(unchanged()) } else { Ok(email) }
    });
    let email = inputs.check("newEmail", changed);
    let current = parse_current_password(user, input.current_password.as_ref());
    let password = inputs.check("currentPassword", current);
    inputs.finish()?;
    Ok((email.ok_or_else(Vec::new)?, password.flatten()))
}
