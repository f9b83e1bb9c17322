//! Opening a session. No other file inserts one.
//!
//! An account with a second factor gets a [`SecondFactorChallenge`] instead of a session, whatever the first proof was.
//! Only `second_factors/verify_second_factor.rs` turns the challenge into a session.

use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{client::Client, second_factor_challenge::SecondFactorChallenge};
use crate::{
    app::App,
    challenges::RegisteredIdentity,
    fault::Fault,
    rate_limit::{Address, Attempt},
    secrets,
    security_changes::SecurityChange,
    storage::{
        Timestamp, Txn, identity, passkey, passkey_ceremony,
        session::{self, AuthenticationMethod},
        session_begin::{self, Beginning, Entry},
        user, user_changes,
    },
};

/// A session that is about to be opened. The user's credentials were correct when they were read.
#[derive(Clone, Debug)]
pub struct PendingSession {
    session: session::Model,
    credentials_version: i64,
    /// When the user last signed in, as read with the credentials.
    last_login_at: Option<Timestamp>,
    rehashed: Option<String>,
    /// Whether the user has a second factor.
    has_second_factor: bool,
    passkey: Option<UsedPasskey>,
    link: Option<Link>,
    link_later: Option<RegisteredIdentity>,
    attempt: Option<Attempt>,
    max_sessions: u32,
    /// The address of the client, which becomes a known address of the account.
    address: Option<String>,
}

/// The outcome of opening a session.
#[derive(Debug)]
pub enum Opening {
    /// The session was opened.
    Opened(Box<OpenedSession>),
    /// The user has a second factor, which must be proven first.
    SecondFactor(Box<SecondFactorChallenge>),
    /// The credentials have changed since they were read, the user is not active, or another request has spent the
    /// proof.
    Outdated,
    /// Other sign-ins have used up the budget for successful sign-ins.
    RateLimited(Fault),
}

/// An account at a sign-in provider that is about to be linked to a user.
#[derive(Clone, Debug)]
pub struct Link {
    /// The identity to insert. Its user is set by [`Link::to`].
    pub identity: identity::Model,
    /// The security change, whose notice goes to the owner.
    pub change: SecurityChange,
}

/// A passkey with which somebody signs in, and the ceremony to spend.
#[derive(Clone, Debug)]
pub struct UsedPasskey {
    /// The ceremony.
    pub ceremony: passkey_ceremony::Model,
    /// The ID of the passkey.
    pub id: Uuid,
    /// The number of signatures that the authenticator has counted so far.
    pub sign_count: i64,
    /// Whether the private key is also on the user's other devices or in a backup.
    pub is_backed_up: bool,
}

/// A session that has been opened.
#[derive(Clone, Debug)]
pub struct OpenedSession {
    /// The user at the time when the session was opened.
    pub user: user::Model,
    /// The session.
    pub session: session::Model,
}

impl PendingSession {
    /// Creates a pending session of a user. `user` must have been read *before* the credentials were checked.
    #[must_use]
    pub fn new(app: &App, user: &user::Model, client: &Client, methods: &[AuthenticationMethod]) -> Self {
        Self::draft(app, client, methods).of(user)
    }

    /// Creates a pending session whose user becomes known only within the transaction that opens it.
    #[must_use]
    pub fn draft(app: &App, client: &Client, methods: &[AuthenticationMethod]) -> Self {
        let now = app.clock.now();
        let max_expires_at = later(now, app.config.tokens.session_max_age);
        let expires_at = Timestamp(later(now, app.config.tokens.refresh_token_ttl).min(max_expires_at));
        let session = session::Model {
            max_expires_at: Timestamp(max_expires_at),
            user_agent: client.user_agent.clone(),
            ip_address: client.ip_address.map(|address| address.to_string()),
            methods: AuthenticationMethod::join(methods),
            ..session::Model::new(secrets::uuid_v7(now), Uuid::nil(), Timestamp(now), expires_at)
        };
        Self {
            session,
            credentials_version: 0,
            last_login_at: None,
            rehashed: None,
            has_second_factor: false,
            passkey: None,
            link: None,
            link_later: None,
            attempt: None,
            max_sessions: app.config.tokens.max_sessions_per_user,
            address: client.ip_address.map(|address| Address::of(address).as_str().to_owned()),
        }
    }

    /// Sets the user.
    #[must_use]
    pub fn of(mut self, user: &user::Model) -> Self {
        self.session.user_id = user.id;
        self.credentials_version = user.credentials_version;
        self.last_login_at = user.last_login_at;
        self.has_second_factor = user.has_second_factor();
        self
    }

    /// Sets the version of the credentials to the one that an earlier request read before it checked the first proof.
    #[must_use]
    pub fn as_of(self, credentials_version: i64) -> Self {
        Self { credentials_version, ..self }
    }

    /// Sets the attempt that is charged as a success when the session is opened.
    #[must_use]
    pub fn charging(self, attempt: Attempt) -> Self {
        Self { attempt: Some(attempt), ..self }
    }

    /// Replaces the stored hash of the password with `rehashed`, unless it is `None`. The password itself stays the
    /// same, so the version of the credentials stays the same too.
    #[must_use]
    pub fn rehashed(self, rehashed: Option<String>) -> Self {
        Self { rehashed, ..self }
    }

    /// Spends a passkey's ceremony, so that it opens only one session.
    #[must_use]
    pub fn using(self, passkey: UsedPasskey) -> Self {
        Self { passkey: Some(passkey), ..self }
    }

    /// Links a provider's account when the session is opened.
    #[must_use]
    pub fn linking(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
    }

    /// Links a provider's account once the second factor is proven.
    #[must_use]
    pub fn linking_later(self, identity: RegisteredIdentity) -> Self {
        Self { link_later: Some(identity), ..self }
    }

    /// Opens the session, and ends the user's oldest session if there are more than `MAX_SESSIONS_PER_USER`. If the
    /// user has a second factor that has not been proven, issues a challenge instead.
    ///
    /// Locks the user first, on condition that the version of the credentials is still the one that was read. Every
    /// operation that ends all sessions of a user, or that enrolls or removes a second factor, raises this version.
    /// Such an operation therefore either comes first, so that the lock fails, or waits for the lock and takes effect
    /// on this session too.
    pub async fn open(mut self, txn: &Txn) -> Result<Opening, DbErr> {
        if self.needs_second_factor() {
            return self.challenge(txn).await;
        }
        if let Some(attempt) = self.attempt.take()
            && let Err(too_many) = attempt.succeed(txn).await?
        {
            return Ok(Opening::RateLimited(too_many));
        }
        // after the charge, because every transaction locks budgets before users
        if let Some(passkey) = self.passkey.take()
            && !passkey.spend(txn, self.session.created_at).await?
        {
            txn.undo();
            return Ok(Opening::Outdated);
        }
        let beginning = self.beginning();
        let Self { session, credentials_version, rehashed, link, .. } = self;
        let now = session.created_at;
        let locked =
            user_changes::lock_for_sign_in(txn, session.user_id, credentials_version, now, rehashed).await?;
        let Some(user) = locked else { return Ok(Opening::Outdated) };
        if let Some(link) = link
            && !link.to(&user, txn).await?
        {
            return Ok(Opening::Outdated);
        }
        session_begin::begin(txn, beginning).await?;
        Ok(Opening::Opened(Box::new(OpenedSession { user, session })))
    }

    /// Does what [`Self::open`] does in a transaction of its own. For most sign-ins, one statement suffices.
    pub async fn open_alone(self, app: &App) -> Result<Opening, Fault> {
        let is_plain = self.passkey.is_none() && self.link.is_none() && !self.needs_second_factor();
        if !is_plain || !app.db.can_write_several_tables() {
            return app.db.write(async move |txn| self.open(&txn).await).await;
        }
        let Self { session, attempt, .. } = &self;
        let entry = Entry {
            charges: attempt.as_ref().map(Attempt::charges_of_success).unwrap_or_default(),
            credentials_version: self.credentials_version,
            last_login_at: self.last_login_at,
            rehashed: self.rehashed.clone(),
        };
        let (session, beginning) = (session.clone(), self.beginning());
        let sign_in = async move |txn| session_begin::sign_in(&txn, entry, beginning).await;
        let signed_in = app.db.write_text(sign_in).await?;
        if let Some(attempt) = attempt {
            attempt.settle(app, &signed_in.charged).await?;
        }
        if let Some(user) = signed_in.user {
            return Ok(Opening::Opened(Box::new(OpenedSession { user, session })));
        }
        // the user has changed or signed in since, and the transaction finds out which
        let charged = Self { attempt: None, ..self };
        app.db.write(async move |txn| charged.open(&txn).await).await
    }

    fn needs_second_factor(&self) -> bool {
        self.has_second_factor && !self.session.methods().iter().any(|method| method.is_second_factor())
    }

    fn beginning(&self) -> Beginning {
        Beginning { session: self.session.clone(), keep: self.max_sessions, address: self.address.clone() }
    }

    /// Issues a challenge. The attempt stays charged as a failure, because the sign-in has not succeeded.
    async fn challenge(self, txn: &Txn) -> Result<Opening, DbErr> {
        let Self { session, credentials_version, rehashed, .. } = self;
        let locked =
            user_changes::lock_for_second_factor(txn, session.user_id, credentials_version, rehashed).await?;
        let Some(user) = locked else { return Ok(Opening::Outdated) };
        let challenge =
            SecondFactorChallenge::issue(txn, &user, &session, self.link_later, self.attempt).await?;
        Ok(Opening::SecondFactor(Box::new(challenge)))
    }

    /// Returns the session's ID.
    #[must_use]
    pub fn session_id(&self) -> Uuid {
        self.session.id
    }
}

impl UsedPasskey {
    /// Spends the ceremony. Returns `false` if another request has spent it, or the passkey was removed.
    async fn spend(self, txn: &Txn, now: Timestamp) -> Result<bool, DbErr> {
        let Self { ceremony, id, sign_count, is_backed_up } = self;
        Ok(passkey_ceremony::spend(txn, ceremony).await?
            && passkey::record_use(txn, id, sign_count, is_backed_up, now).await?)
    }
}

impl Link {
    /// Links the identity to a locked user. Returns `false` if it is linked to another user.
    pub async fn to(self, user: &user::Model, txn: &Txn) -> Result<bool, DbErr> {
        let Self { identity, change } = self;
        let identity = identity::Model { user_id: user.id, ..identity };
        if !identity::insert(txn, identity.clone()).await? {
            let owner = identity::find_user(txn, &identity.issuer, &identity.subject).await?;
            return Ok(owner.is_some_and(|owner| owner.id == user.id));
        }
        change.insert(txn, user, &[]).await?;
        Ok(true)
    }
}

/// Adds a duration to a time. Returns the time itself if the sum is out of range.
pub(super) fn later(time: OffsetDateTime, by: std::time::Duration) -> OffsetDateTime {
    time.checked_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX)).unwrap_or(time)
}
