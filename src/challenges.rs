//! Challenges: a mail that proves an address, and what is awaited after it.
//!
//! Whoever asks for one in the name of an address is answered the same, in the same time, whether or not anybody has that
//! address: the same two rows are written, and nothing is looked up. What the mail says, and whether there is any, is decided
//! when it is sent (`outbox/compose.rs`).

use std::time::Duration;

use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    config::ChallengeMethod,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, Kind, Order},
    rate_limit::{self, Action},
    secrets,
    storage::{
        self, Timestamp, Txn,
        challenge::{self, Method, Purpose},
        user,
    },
};

/// A challenge that was asked for: what its asker is told.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The challenge.
    pub challenge: challenge::Model,
    /// How long its code or link is good for, from now.
    pub expires_in: Duration,
    /// How long until another mail may be asked for.
    pub resend_in: Duration,
}

/// Leave to send a mail: what its budgets were charged.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    resend_in: Duration,
}

/// Charges the budgets of mails for a purpose to an address, be it anybody's.
///
/// # Errors
/// [`Fault::RateLimited`] where they are used up.
pub async fn charge(app: &App, purpose: Purpose, to: &EmailAddress) -> Result<Permit, Fault> {
    let actions =
        [Action::MailAgain(purpose, to), Action::Mail(purpose, to), Action::MailInADay(purpose, to)];
    Ok(Permit { resend_in: rate_limit::charge_all(app, &actions).await? })
}

/// What a challenge is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The account whose owner asked.
    pub user_id: Option<Uuid>,
    /// The account to be.
    pub registration: Option<Registration>,
}

/// An account that begins once its address is proven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    email: String,
    username: Option<String>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    avatar_url: Option<String>,
    password_hash: Option<String>,
    identity: Option<RegisteredIdentity>,
}

/// An account elsewhere that is to sign in whoever registered by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredIdentity {
    /// The `iss`.
    pub issuer: String,
    /// The `sub`.
    pub subject: String,
    /// Its address.
    pub email: String,
}

impl Registration {
    /// What `row` would be.
    #[must_use]
    pub fn of(row: user::Model) -> Option<Self> {
        let user::Model { email, username, name, first_name, last_name, avatar_url, password_hash, .. } = row;
        let (email, identity) = (email?, None);
        Some(Self { email, username, name, first_name, last_name, avatar_url, password_hash, identity })
    }

    /// The same, signed in to by this.
    #[must_use]
    pub fn by(self, identity: RegisteredIdentity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// The registration that a challenge carries.
    #[must_use]
    pub fn read(challenge: &challenge::Model) -> Option<Self> {
        serde_json::from_str(challenge.registration.as_deref()?).ok()
    }

    /// The hash of the password that was chosen.
    #[must_use]
    pub fn password_hash(&self) -> Option<&str> {
        self.password_hash.as_deref()
    }

    /// The account elsewhere that it is signed in to by.
    #[must_use]
    pub fn identity(&self) -> Option<&RegisteredIdentity> {
        self.identity.as_ref()
    }

    /// Whether both are signed in to by the same.
    #[must_use]
    pub fn has_credentials_of(&self, other: &Self) -> bool {
        self.password_hash == other.password_hash && self.identity == other.identity
    }

    /// The same without anything to sign in by.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        Self { password_hash: None, identity: None, ..self }
    }

    /// The account, its address proven now.
    #[must_use]
    pub fn into_row(self, email_key: String, now: Timestamp) -> user::Model {
        user::Model {
            email: Some(self.email),
            email_key: Some(email_key),
            email_verified_at: Some(now),
            username_key: self.username.as_ref().map(|username| username.to_ascii_lowercase()),
            username: self.username,
            name: self.name,
            first_name: self.first_name,
            last_name: self.last_name,
            avatar_url: self.avatar_url,
            password_hash: self.password_hash,
            ..user::Model::new(secrets::uuid_v7(now.0), now)
        }
    }
}

/// A challenge about to be asked, and its mail.
#[derive(Clone, Debug)]
pub struct Challenge {
    row: challenge::Model,
    mail: storage::outbox::Model,
    asked: Asked,
}

impl Challenge {
    /// A new one.
    #[must_use]
    pub fn new(app: &App, purpose: Purpose, to: &EmailAddress, about: About, permit: Permit) -> Self {
        let now = Timestamp(app.clock.now());
        let (method, expires_in) = match (purpose, app.config.email_verification_method) {
            (Purpose::ResetPassword, _) => (Method::Link, app.config.password_reset_ttl),
            (_, ChallengeMethod::Link) => (Method::Link, app.config.activation_link_ttl),
            (_, ChallengeMethod::Otp) => (Method::Otp, app.config.otp_ttl),
        };
        let registration = about.registration;
        let row = challenge::Model {
            id: secrets::uuid_v4(),
            purpose,
            method,
            email: to.as_str().to_owned(),
            email_key: to.key().to_owned(),
            user_id: about.user_id,
            username_key: registration
                .as_ref()
                .and_then(|of| of.username.as_ref()?.to_ascii_lowercase().into()),
            registration: registration.and_then(|of| serde_json::to_string(&of).ok()),
            attempts: 0,
            created_at: now,
            expires_at: Timestamp(now.0 + expires_in),
            ended_at: None,
        };
        let kind = match purpose {
            Purpose::VerifyEmail => Kind::VerifyEmail,
            Purpose::ResetPassword => Kind::ResetPassword,
            Purpose::ChangeEmail => Kind::ChangeEmail,
        };
        let order =
            Order { kind, to, user_id: about.user_id, challenge_id: Some(row.id), good_for: expires_in };
        let mail = outbox::row(app, order);
        let asked = Asked { challenge: row.clone(), expires_in, resend_in: permit.resend_in };
        Self { row, mail, asked }
    }

    /// Takes the place of an older one: it is about the same.
    #[must_use]
    pub fn in_place_of(mut self, older: challenge::Model) -> Self {
        self.row.user_id = older.user_id;
        self.row.registration = older.registration;
        self.row.username_key = older.username_key;
        self.mail.user_id = older.user_id;
        self
    }

    /// Writes it, and its mail.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, txn: &Txn) -> Result<Asked, DbErr> {
        challenge::insert(txn, self.row).await?;
        storage::outbox::insert(txn, self.mail).await?;
        Ok(self.asked)
    }
}

/// Locks the account that a challenge is about, where there is one, and then the challenges of its address. Whatever spends
/// one begins with it: everybody locks users before challenges, so that nobody waits in a circle.
///
/// # Errors
/// The database's.
pub async fn lock(
    txn: &Txn,
    challenge: &challenge::Model,
    now: Timestamp,
) -> Result<Option<user::Model>, DbErr> {
    let id = match challenge.purpose {
        Purpose::ChangeEmail => challenge.user_id,
        Purpose::VerifyEmail | Purpose::ResetPassword => {
            user::find_by_email_key(txn, &challenge.email_key).await?.map(|user| user.id)
        }
    };
    let user = match id {
        Some(id) => user::lock(txn, &[id]).await?.pop(),
        None => None,
    };
    challenge::lock_all(txn, &challenge.email_key, now).await?;
    Ok(user)
}

impl Asked {
    /// A challenge that was asked for some time ago.
    #[must_use]
    pub fn earlier(app: &App, challenge: challenge::Model) -> Self {
        let now = app.clock.now();
        let left = |until: time::OffsetDateTime| Duration::try_from(until - now).unwrap_or_default();
        let expires_in = left(challenge.expires_at.0);
        let resend_in = left(challenge.created_at.0 + app.config.resend_cooldown);
        Self { challenge, expires_in, resend_in }
    }
}
