//! Writing a challenge and its email.

use std::time::Duration;

use sea_orm::DbErr;
use uuid::Uuid;

use super::{permit::MailPermit, registration::Registration};
use crate::{
    app::App,
    config::ChallengeMethod,
    input::EmailAddress,
    outbox::{self, MailKind, MailRequest},
    secrets,
    storage::{
        self, Timestamp, Txn,
        challenge::{self, Method, Purpose},
    },
};

/// What a challenge is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The account for which the challenge was requested.
    pub user_id: Option<Uuid>,
    /// The account to create once the email address is proven.
    pub registration: Option<Registration>,
    /// The only session in which the proof counts. `None` if the proof counts everywhere.
    pub session_id: Option<Uuid>,
}

/// A challenge that was issued, as the requesting client sees it.
#[derive(Clone, Debug)]
pub struct IssuedChallenge {
    /// The challenge.
    pub challenge: challenge::Model,
    /// The remaining lifetime of the emailed code or link.
    pub expires_in: Duration,
    /// The time until another email can be requested.
    pub resend_in: Duration,
    /// The number for the user to compare with the number on the page that the link opens. `None` if that page cannot
    /// sign in the client that requested the challenge.
    pub confirmation_number: Option<String>,
}

impl IssuedChallenge {
    /// Describes a challenge that was issued earlier.
    #[must_use]
    pub fn earlier(app: &App, challenge: challenge::Model) -> Self {
        let now = app.clock.now();
        let left = |until: time::OffsetDateTime| Duration::try_from(until - now).unwrap_or_default();
        let expires_in = left(challenge.expires_at.0);
        let resend_in = left(challenge.created_at.0 + app.config.budgets.mail_again.period);
        let confirmation_number = confirmation_number(app, &challenge);
        Self { challenge, expires_in, resend_in, confirmation_number }
    }
}

/// A challenge that is about to be written, with its email.
#[derive(Clone, Debug)]
pub struct Challenge {
    row: challenge::Model,
    mail: storage::outbox::Model,
    issued: IssuedChallenge,
}

impl Challenge {
    /// Creates a challenge and the email that `permit` allows.
    #[must_use]
    pub fn new(app: &App, purpose: Purpose, to: &EmailAddress, about: About, permit: MailPermit) -> Self {
        let (row, expires_in) = row(app, purpose, Some(to), about);
        let kind = match purpose {
            Purpose::VerifyEmail => MailKind::VerifyEmail,
            Purpose::ResetPassword => MailKind::ResetPassword,
            Purpose::ChangeEmail => MailKind::ChangeEmail,
            Purpose::SignIn => MailKind::LoginCode,
            Purpose::Reauthentication => MailKind::Reauthentication,
        };
        let request =
            MailRequest { kind, to, user_id: row.user_id, challenge_id: Some(row.id), good_for: expires_in };
        let mail = storage::outbox::Model { asker: permit.asker, ..outbox::row(app, request) };
        let issued = IssuedChallenge {
            challenge: row.clone(),
            expires_in,
            resend_in: permit.resend_in,
            confirmation_number: confirmation_number(app, &row),
        };
        Self { row, mail, issued }
    }

    /// Makes the challenge replace an older one. The new challenge is about the same account and session, and attempts
    /// to enter either code count against the same limit.
    #[must_use]
    pub fn in_place_of(mut self, older: challenge::Model) -> Self {
        self.row.user_id = older.user_id;
        self.row.registration = older.registration;
        self.row.username_key = older.username_key;
        self.row.session_id = older.session_id;
        self.row.series_id = Some(older.series_id.unwrap_or(older.id));
        self.mail.user_id = older.user_id;
        self
    }

    /// Writes the challenge and its email.
    pub async fn insert(self, txn: &Txn) -> Result<IssuedChallenge, DbErr> {
        challenge::insert(txn, self.row).await?;
        storage::outbox::insert(txn, self.mail).await?;
        Ok(self.issued)
    }
}

/// Returns the row of a challenge, and the lifetime of the challenge, which is a setting such as `PASSWORD_RESET_TTL`.
/// A challenge that is not emailed needs no email address.
fn row(app: &App, purpose: Purpose, to: Option<&EmailAddress>, about: About) -> (challenge::Model, Duration) {
    let now = Timestamp(app.clock.now());
    let (method, expires_in) = match (purpose, app.config.sign_up.email_verification_method) {
        (Purpose::ResetPassword, _) => (Method::Link, app.config.codes.password_reset_ttl),
        (Purpose::SignIn, _) => (Method::Otp, app.config.codes.login_code_ttl),
        // always a code, because these proofs count only in the session that requested them, but a link opens wherever
        // the email is read
        (Purpose::ChangeEmail | Purpose::Reauthentication, _)
        | (Purpose::VerifyEmail, ChallengeMethod::Otp) => (Method::Otp, app.config.codes.otp_ttl),
        (Purpose::VerifyEmail, ChallengeMethod::Link) => (Method::Link, app.config.codes.activation_link_ttl),
    };
    let registration = about.registration;
    let row = challenge::Model {
        email: to.map(EmailAddress::as_str).unwrap_or_default().to_owned(),
        email_key: to.map(EmailAddress::key).unwrap_or_default().to_owned(),
        user_id: about.user_id,
        username_key: registration.as_ref().and_then(|of| of.username.as_ref()?.to_ascii_lowercase().into()),
        registration: registration.and_then(|of| serde_json::to_string(&of).ok()),
        link_id: Some(secrets::uuid_v4()),
        session_id: about.session_id,
        ..challenge::Model::new(secrets::uuid_v4(), purpose, method, now, Timestamp(now.0 + expires_in))
    };
    (row, expires_in)
}

/// Returns the confirmation number of a sign-in challenge. A challenge for an address without an account has a number
/// too, although its email contains no link.
fn confirmation_number(app: &App, challenge: &challenge::Model) -> Option<String> {
    (challenge.purpose == Purpose::SignIn).then(|| app.tokens.confirmation_number(challenge.id))
}

/// Returns the row of a challenge that is not emailed, because the expected proof needs no code.
#[must_use]
pub fn unmailed(app: &App, purpose: Purpose, about: About) -> challenge::Model {
    // without an address, because locks on the challenges of an address should not include challenges that were never
    // emailed
    row(app, purpose, None, about).0
}
