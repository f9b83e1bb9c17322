//! Challenges: a mail that proves an address, and what is awaited after it.
//!
//! A request in the name of an address gets the same answer, in the same time, whether or not anybody has that address: the
//! same rows are looked for, and the same two rows are written. What the mail says, and whether there is any, is decided when
//! it is sent (`outbox/compose.rs`).

use std::{net::IpAddr, time::Duration};

use sea_orm::DbErr;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    config::ChallengeMethod,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, MailKind, MailRequest},
    rate_limit::{self, Action, Address, Restoration},
    secrets,
    storage::{
        self, Timestamp, Txn,
        challenge::{self, Method, Purpose},
        known_address, user,
    },
};

/// A challenge that was asked for: what its asker is told.
#[derive(Clone, Debug)]
pub struct IssuedChallenge {
    /// The challenge.
    pub challenge: challenge::Model,
    /// How long its code or link is good for, from now.
    pub expires_in: Duration,
    /// How long until another mail may be asked for.
    pub resend_in: Duration,
}

/// Leave to send a mail: what its budgets were charged.
#[derive(Clone, Copy, Debug)]
pub struct MailPermit {
    resend_in: Duration,
    /// Whose turn in the outbox the mail takes; `None` if it waits for no other mail of the asker.
    asker: Option<Uuid>,
}

/// The sender of a request that causes a mail, to whom the mail is charged.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Where the client is, as far as that is known.
    pub ip_address: Option<IpAddr>,
    /// The account in whose session the request was sent, or that the client has just proven to be theirs.
    pub user_id: Option<Uuid>,
}

impl Asker {
    /// A client without a session.
    #[must_use]
    pub fn anonymous(ip_address: Option<IpAddr>) -> Self {
        Self { ip_address, user_id: None }
    }

    /// A client that acts for an account.
    #[must_use]
    pub fn of(ip_address: Option<IpAddr>, user_id: Uuid) -> Self {
        Self { ip_address, user_id: Some(user_id) }
    }
}

impl MailPermit {
    /// Leave for a mail that no budget refuses: its reader has shown that the address is theirs.
    #[must_use]
    pub fn uncharged(app: &App) -> Self {
        Self { resend_in: app.config.resend_cooldown, asker: None }
    }
}

/// Charges the budgets of mails for a purpose to an address, whether or not anybody has it, and those of the asker: the account
/// in whose session they ask, and the client address.
///
/// Where the mail goes to an account that has signed in from that client address, it charges the two together instead of the
/// client address: so neighbours behind a NAT cannot use it up. The account must have proven its address, or a client could
/// sign up with the addresses of strangers and mail them without limit.
///
/// # Errors
/// [`Fault::RateLimited`] where they are used up.
pub async fn charge(
    app: &App,
    asker: Asker,
    purpose: Purpose,
    to: &EmailAddress,
) -> Result<MailPermit, Fault> {
    let mut actions = budgets(purpose, to);
    actions.extend(asker.user_id.map(Action::MailBy));
    let from = Address::rationed(app, asker.ip_address);
    let owner = match &from {
        Some(from) => find_owner_at(app, from, to).await?,
        None => None,
    };
    actions.extend(from.as_ref().map(|from| match owner {
        Some(owner) => Action::MailFromKnown(owner, from),
        None => Action::MailFrom(from),
    }));
    let resend_in = rate_limit::charge_all(app, &actions).await?;
    let place = asker.ip_address.map(Address::of);
    let place = place.as_ref().map_or("unknown", Address::as_str);
    let asker = owner.map_or_else(|| place.to_owned(), |owner| format!("{owner} {place}"));
    Ok(MailPermit { resend_in, asker: Some(rate_limit::key(&asker)) })
}

/// Returns the account that has proven the address and signed in from this client address before.
async fn find_owner_at(app: &App, from: &Address, to: &EmailAddress) -> Result<Option<Uuid>, Fault> {
    let account = user::find_by_email_key(app.db.read(), to.key()).await?;
    let owner = account.filter(|account| account.email_verified_at.is_some()).map(|account| account.id);
    // asked of nobody's account too, since what is not asked shows in the time
    let is_known = known_address::is_known(app.db.read(), owner.unwrap_or_default(), from.as_str()).await?;
    Ok(owner.filter(|_| is_known))
}

/// The budgets of mails for a purpose to an address. Strangers can use them up, so those of mails that let an owner back in
/// refill at least once in the life of such a mail, and have no limit for a day: at any moment the owner may ask for one, or
/// has one that works. The settings are checked at the start.
fn budgets(purpose: Purpose, to: &EmailAddress) -> Vec<Action<'_>> {
    match purpose {
        Purpose::ResetPassword | Purpose::SignIn => {
            vec![Action::MailAgain(purpose, to), Action::RecoveryMail(purpose, to)]
        }
        Purpose::VerifyEmail | Purpose::ChangeEmail | Purpose::Reauthentication => {
            vec![Action::MailAgain(purpose, to), Action::Mail(purpose, to), Action::MailInADay(purpose, to)]
        }
    }
}

/// Prepares to restore the budgets of the mails that let an owner back in at an address. It belongs to the transaction in which such
/// a mail is used, or becomes void: what no longer works must not count against the next. It goes before the account is locked,
/// as budgets do everywhere.
#[must_use]
pub fn restore(app: &App, email: Option<&str>) -> Restoration {
    let email = email.and_then(|email| EmailAddress::parse(email).ok());
    let purposes = [Purpose::ResetPassword, Purpose::SignIn];
    let actions: Vec<_> = email
        .iter()
        .flat_map(|to| purposes.into_iter().flat_map(move |purpose| budgets(purpose, to)))
        .collect();
    Restoration::of(app, &actions)
}

/// What a challenge is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The account whose owner asked.
    pub user_id: Option<Uuid>,
    /// The account to be.
    pub registration: Option<Registration>,
    /// The session in which alone the proof counts.
    pub session_id: Option<Uuid>,
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
    /// Tells a login, without computing the hash, whether its password may be the right one.
    #[serde(default)]
    password_mac: Option<u16>,
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
        let email = email?;
        Some(Self {
            email,
            username,
            name,
            first_name,
            last_name,
            avatar_url,
            password_hash,
            password_mac: None,
            identity: None,
        })
    }

    /// Returns the same with a MAC of its password.
    #[must_use]
    pub fn recognising(mut self, app: &App, password: &SecretString) -> Self {
        let mac = |hash: &String| app.tokens.password_mac(hash, password);
        self.password_mac = self.password_hash.as_ref().map(mac);
        self
    }

    /// Whether this may be its password. Of the others one in 65,536 may be, too: `password_hash` decides.
    #[must_use]
    pub fn may_have(&self, app: &App, password: &SecretString) -> bool {
        match (&self.password_hash, self.password_mac) {
            (Some(hash), Some(mac)) => app.tokens.is_password_mac(mac, hash, password),
            // a server of an earlier version wrote it
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// An account of which nothing is known but its address.
    #[must_use]
    pub fn empty(email: String) -> Self {
        Self {
            email,
            username: None,
            name: None,
            first_name: None,
            last_name: None,
            avatar_url: None,
            password_hash: None,
            password_mac: None,
            identity: None,
        }
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

    /// The same without anything to sign in by.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        Self { password_hash: None, password_mac: None, identity: None, ..self }
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
    issued: IssuedChallenge,
}

impl Challenge {
    /// A new one.
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
        let order =
            MailRequest { kind, to, user_id: row.user_id, challenge_id: Some(row.id), good_for: expires_in };
        let mail = storage::outbox::Model { asker: permit.asker, ..outbox::row(app, order) };
        let issued = IssuedChallenge { challenge: row.clone(), expires_in, resend_in: permit.resend_in };
        Self { row, mail, issued }
    }

    /// Takes the place of an older one: it is about the same, and shares its tries.
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

    /// Writes it, and its mail.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, txn: &Txn) -> Result<IssuedChallenge, DbErr> {
        challenge::insert(txn, self.row).await?;
        storage::outbox::insert(txn, self.mail).await?;
        Ok(self.issued)
    }
}

/// The row of a challenge, and how long it is good for. One that is not mailed need not have an address.
fn row(app: &App, purpose: Purpose, to: Option<&EmailAddress>, about: About) -> (challenge::Model, Duration) {
    let now = Timestamp(app.clock.now());
    let (method, expires_in) = match (purpose, app.config.email_verification_method) {
        (Purpose::ResetPassword, _) => (Method::Link, app.config.password_reset_ttl),
        (Purpose::SignIn, _) => (Method::Otp, app.config.login_code_ttl),
        // a link would be followed wherever the mail is read, and not in the session that asked
        (Purpose::ChangeEmail | Purpose::Reauthentication, _)
        | (Purpose::VerifyEmail, ChallengeMethod::Otp) => (Method::Otp, app.config.otp_ttl),
        (Purpose::VerifyEmail, ChallengeMethod::Link) => (Method::Link, app.config.activation_link_ttl),
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

/// A challenge that nothing was mailed for: a proof is awaited that needs no code.
#[must_use]
pub fn unmailed(app: &App, purpose: Purpose, about: About) -> challenge::Model {
    // without an address, or the locks of those that were mailed to it would have to pass through these
    row(app, purpose, None, about).0
}

/// What a challenge concerns, locked until the transaction ends.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The account, where there is one.
    pub account: Option<user::Model>,
    /// The challenges of the same address that have not ended, this one included.
    pub challenges: Vec<challenge::Model>,
}

/// Locks the account that a challenge is about, where there is one, and then the challenges of its address. Every use case that
/// spends a challenge begins with it: users are locked before challenges everywhere, so that nobody waits in a circle.
///
/// # Errors
/// The database's.
pub async fn lock(txn: &Txn, challenge: &challenge::Model) -> Result<Locked, DbErr> {
    let id = match challenge.purpose {
        Purpose::ChangeEmail | Purpose::Reauthentication => challenge.user_id,
        Purpose::VerifyEmail | Purpose::ResetPassword | Purpose::SignIn => {
            user::find_by_email_key(txn, &challenge.email_key).await?.map(|user| user.id)
        }
    };
    let account = match id {
        Some(id) => user::lock(txn, &[id]).await?.pop(),
        None => None,
    };
    // an address has challenges; an account without one still proves itself in its session
    let challenges = match challenge.email_key.as_str() {
        "" => Vec::new(),
        email_key => challenge::lock_all(txn, email_key).await?,
    };
    Ok(Locked { account, challenges })
}

impl IssuedChallenge {
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
