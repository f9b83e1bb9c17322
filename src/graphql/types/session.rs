//! Sessions.

use async_graphql::{Enum, ID, Object};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::storage::session;

/// A session: a user signed in on one device.
pub struct Session {
    row: session::Model,
    is_current: bool,
}

impl Session {
    /// Creates a session from its row; `current` is the viewer's session.
    #[must_use]
    pub fn new(row: session::Model, current: Option<Uuid>) -> Self {
        Self { is_current: current == Some(row.id), row }
    }

    /// Removes the second factors from the methods.
    #[must_use]
    pub fn without_second_factors(self) -> Self {
        Self { row: self.row.without_second_factors(), ..self }
    }

    /// Removes the user agent and the IP address.
    #[must_use]
    pub fn without_device(self) -> Self {
        Self { row: session::Model { user_agent: None, ip_address: None, ..self.row }, ..self }
    }
}

/// A session: a user signed in on one device.
#[Object]
impl Session {
    /// The ID of the session: opaque and never reused. The session's access tokens contain this ID in the claim `sid`.
    pub async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// When the user signed in.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// When the user signed in or the tokens were last refreshed.
    async fn last_used_at(&self) -> OffsetDateTime {
        self.row.last_used_at.0
    }

    /// When the session expires unless it is refreshed before then.
    async fn expires_at(&self) -> OffsetDateTime {
        self.row.expires_at.0
    }

    /// The user agent that the client sent, truncated to 255 characters. Null if it sent none, or if the viewer may not see
    /// it; see `User.sessions`.
    async fn user_agent(&self) -> Option<&str> {
        self.row.user_agent.as_deref()
    }

    /// The IP address that the user signed in from. Null if it is unknown, or if the viewer may not see it; see
    /// `User.sessions`.
    async fn ip_address(&self) -> Option<&str> {
        self.row.ip_address.as_deref()
    }

    /// When the user last authenticated: at sign-in, or later with `reauthenticate`.
    async fn authenticated_at(&self) -> OffsetDateTime {
        self.row.authenticated_at.0
    }

    /// The methods that the user last authenticated with.
    async fn methods(&self) -> Vec<AuthenticationMethod> {
        self.row.methods().into_iter().map(Into::into).collect()
    }

    /// Whether this is the session of the current request.
    async fn is_current(&self) -> bool {
        self.is_current
    }
}

/// A method of authentication. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "session::AuthenticationMethod")]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// An emailed code.
    EmailCode,
    /// An emailed link.
    EmailLink,
    /// A linked account at a sign-in provider.
    Identity,
    /// A code from an authenticator app (RFC 6238).
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
}
