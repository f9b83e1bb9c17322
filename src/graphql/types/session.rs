//! Sessions.

use async_graphql::{Enum, ID, Object, SimpleObject};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::storage::session;

/// A sign-in that lasts, on one device.
pub struct Session {
    row: session::Model,
    is_current: bool,
}

impl Session {
    /// A row, as seen from a session.
    #[must_use]
    pub fn new(row: session::Model, current: Option<Uuid>) -> Self {
        Self { is_current: current == Some(row.id), row }
    }

    /// The same without what it tells of the device and of where that is.
    #[must_use]
    pub fn without_device(self) -> Self {
        Self { row: session::Model { user_agent: None, ip_address: None, ..self.row }, ..self }
    }
}

/// A sign-in that lasts, on one device.
#[Object]
impl Session {
    /// Opaque, and never reused. The `sid` of its access tokens.
    async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The sign-in.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// The last sign-in or refresh.
    async fn last_used_at(&self) -> OffsetDateTime {
        self.row.last_used_at.0
    }

    /// When it ends unless it is refreshed before.
    async fn expires_at(&self) -> OffsetDateTime {
        self.row.expires_at.0
    }

    /// What the client said it is, at most 255 characters of it. Null if it said nothing, or if the viewer may not see it: see
    /// `User.sessions`.
    async fn user_agent(&self) -> Option<&str> {
        self.row.user_agent.as_deref()
    }

    /// Where the client signed in from. Null if that is not known, or if the viewer may not see it: see `User.sessions`.
    async fn ip_address(&self) -> Option<&str> {
        self.row.ip_address.as_deref()
    }

    /// When its user last proved who they are: at the sign-in, or later by `reauthenticate`.
    async fn authenticated_at(&self) -> OffsetDateTime {
        self.row.authenticated_at.0
    }

    /// How they proved it.
    async fn methods(&self) -> Vec<AuthenticationMethod> {
        self.row.methods().into_iter().map(Into::into).collect()
    }

    /// Whether this request is part of it.
    async fn is_current(&self) -> bool {
        self.is_current
    }
}

/// A way in which a person proves who they are. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "session::AuthenticationMethod")]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// A code from a mail.
    EmailCode,
    /// A link in a mail.
    EmailLink,
    /// An account elsewhere.
    Identity,
}

/// Which sessions were ended.
#[derive(SimpleObject)]
pub struct SessionsEnded {
    /// Their ids; those that had ended before are not among them.
    ended_session_ids: Vec<ID>,
}

impl From<Vec<Uuid>> for SessionsEnded {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}
