//! The one place where a session begins.

use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Client;
use crate::{
    app::App,
    rate_limit::Address,
    secrets,
    security_changes::SecurityChange,
    storage::{
        Timestamp, Txn, identity,
        session::{self, AuthenticationMethod},
        session_begin, user, user_changes,
    },
};

/// A session about to begin, on the strength of credentials that were right when they were read.
#[derive(Clone, Debug)]
pub struct PendingSession {
    session: session::Model,
    credentials_version: i64,
    rehashed: Option<String>,
    link: Option<Link>,
    max_sessions: u32,
    /// From where, so that the owner is known there from now on.
    address: Option<String>,
}

/// An account elsewhere that is to sign its owner in from now on.
#[derive(Clone, Debug)]
pub struct Link {
    /// The account.
    pub identity: identity::Model,
    /// The change that it is, of which the owner is told.
    pub change: SecurityChange,
}

/// A session that has begun.
#[derive(Clone, Debug)]
pub struct OpenedSession {
    /// Whose it is, as of its beginning.
    pub user: user::Model,
    /// The session.
    pub session: session::Model,
}

impl PendingSession {
    /// A session for this user. `user` must have been read *before* the credentials were checked.
    #[must_use]
    pub fn new(app: &App, user: &user::Model, client: &Client, methods: &[AuthenticationMethod]) -> Self {
        Self::draft(app, client, methods).of(user)
    }

    /// A session whose user is known only within the transaction that opens it.
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
            rehashed: None,
            link: None,
            max_sessions: app.config.tokens.max_sessions_per_user,
            address: client.ip_address.map(|address| Address::of(address).as_str().to_owned()),
        }
    }

    /// The same for this user.
    #[must_use]
    pub fn of(mut self, user: &user::Model) -> Self {
        self.session.user_id = user.id;
        self.credentials_version = user.credentials_version;
        self
    }

    /// The same, and the password that was right gets this hash in place of its old one. To its owner nothing changes, so
    /// the version of the credentials stays.
    #[must_use]
    pub fn rehashed(self, rehashed: Option<String>) -> Self {
        Self { rehashed, ..self }
    }

    /// The same, and from now on this signs the user in too.
    #[must_use]
    pub fn linking(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
    }

    /// Begins the session, and ends the user's oldest where there are too many. None: the credentials no longer hold.
    ///
    /// The user is locked first, on condition that nothing has changed since the credentials were read. So whatever ends a
    /// user's sessions also ends those that are being opened: it raises the version, and either this waits for it and finds
    /// the version gone, or it waits for this and finds the session.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(self, txn: &Txn) -> Result<Option<OpenedSession>, DbErr> {
        let Self { session, credentials_version, rehashed, link, max_sessions, address } = self;
        let now = session.created_at;
        let locked =
            user_changes::lock_for_sign_in(txn, session.user_id, credentials_version, now, rehashed).await?;
        let Some(user) = locked else { return Ok(None) };
        if let Some(link) = link
            && !link.to(&user, txn).await?
        {
            return Ok(None);
        }
        session_begin::begin(txn, session.clone(), max_sessions, address).await?;
        Ok(Some(OpenedSession { user, session }))
    }

    /// The session's id.
    #[must_use]
    pub fn session_id(&self) -> Uuid {
        self.session.id
    }
}

impl Link {
    /// Links it to a user who is locked; `false` if it is somebody else's.
    ///
    /// # Errors
    /// The database's.
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

/// `time` and a setting, however long.
pub(super) fn later(time: OffsetDateTime, by: std::time::Duration) -> OffsetDateTime {
    time.checked_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX)).unwrap_or(time)
}
