//! Confirming an emailed link, so that the client that requested it can sign in.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::activate_account::is_in_series;
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::{FieldError, FieldErrorCode, Invalid},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
    },
};

/// The token of a link, and the number that its reader compared.
#[derive(Clone, Debug)]
pub struct ConfirmLoginLinkInput {
    /// The token of the link.
    pub token: SecretString,
    /// The number that the other device shows. Without this number, the link is described but not confirmed.
    pub confirmation_number: Option<String>,
    /// The ID of the challenge that this browser requested last, if any.
    pub challenge_id: Option<Uuid>,
}

/// The details of a sign-in link, for the page that the link opens.
#[derive(Debug)]
pub struct LoginLink {
    /// The address that the link was sent to.
    pub email: String,
    /// The code in the same email.
    pub otp: SecretString,
    /// The number that is also shown where the link was requested.
    pub confirmation_number: String,
    /// Whether the reader's browser requested the link.
    pub is_requested_here: bool,
    /// Whether the link was confirmed.
    pub is_confirmed: bool,
    /// The remaining lifetime.
    pub expires_in: Duration,
}

/// The reasons why a link is not confirmed.
#[derive(Debug)]
pub enum ConfirmLoginLinkRefusal {
    /// The link is wrong, expired, used up or superseded.
    Invalid,
    /// The number does not belong to the link.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for ConfirmLoginLinkRefusal {}

/// Describes a sign-in link and, given its number, confirms it for the client that waits in
/// [`super::await_login_link()`]. That client then signs in with the code, as if the user had typed it in, so this
/// function opens no session. The link itself remains usable.
///
/// The reader of an email that a stranger requested must not sign the stranger in by accident: the number identifies
/// the one client that may continue.
pub async fn confirm_login_link(
    app: &App,
    input: ConfirmLoginLinkInput,
) -> Result<LoginLink, Failure<ConfirmLoginLinkRefusal>> {
    let invalid = || ConfirmLoginLinkRefusal::Invalid;
    let now = Timestamp(app.clock.now());
    let token = input.token.expose_secret();
    let link_id = app.tokens.read_link_token(Purpose::SignIn, token).ok_or_else(invalid)?;
    let found = challenge::find_live_by_link(app.db.read(), link_id, now).await?;
    let mut challenge = found.filter(|found| found.purpose == Purpose::SignIn).ok_or_else(invalid)?;
    let id = challenge.id;
    if let Some(number) = &input.confirmation_number
        && challenge.confirmed_at.is_none()
    {
        if !app.tokens.is_confirmation_number(id, number) {
            let differs = Invalid::new(FieldErrorCode::Mismatch, "This number does not match the link.");
            let fields = vec![differs.at("confirmationNumber")];
            return Err(ConfirmLoginLinkRefusal::InvalidInput(fields).into());
        }
        app.db.write(async move |txn| challenge::confirm(&txn, id, now).await).await?;
        // the link may have been used or confirmed in the meantime
        challenge = challenge::find_live(app.db.read(), id, now).await?.ok_or_else(invalid)?;
    }
    let is_requested_here = match input.challenge_id {
        Some(id) => is_in_series(app, id, &challenge).await?,
        None => false,
    };
    Ok(LoginLink {
        otp: app.tokens.one_time_code(id),
        confirmation_number: app.tokens.confirmation_number(id),
        is_requested_here,
        is_confirmed: challenge.confirmed_at.is_some(),
        expires_in: Duration::try_from(challenge.expires_at.0 - now.0).unwrap_or_default(),
        email: challenge.email,
    })
}
