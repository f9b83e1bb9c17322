//! Who sends a request: the session and user behind an access token.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session, user},
    tokens::Rejected,
};

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The user.
    pub user: Arc<user::Model>,
    /// The session that the request is part of.
    pub session: Arc<session::Model>,
    /// Until when the access token is good.
    pub expires_at: OffsetDateTime,
}

/// Why a request is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// It has no access token.
    Missing,
    /// The token was good once.
    Expired,
    /// The token is none of ours.
    Invalid,
    /// The session is over, or its user deactivated.
    Revoked,
}

impl Unauthenticated {
    /// The word for it that programs read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::Expired => "EXPIRED",
            Self::Invalid => "INVALID",
            Self::Revoked => "REVOKED",
        }
    }
}

/// Why there is no viewer.
#[derive(Debug)]
pub enum ViewerError {
    /// There is none.
    Unauthenticated(Unauthenticated),
    /// It could not be found out.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ViewerError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Finds the viewer, as they are at this moment: an ended session ends at once, on every server.
///
/// # Errors
/// Why there is none.
pub async fn viewer(app: &App, access_token: Option<&str>) -> Result<Viewer, ViewerError> {
    let nobody = |why| ViewerError::Unauthenticated(why);
    let token = access_token.ok_or(nobody(Unauthenticated::Missing))?;
    let now = app.clock.now();
    let claims = app.tokens.read_access_token(token, now).map_err(|rejected| match rejected {
        Rejected::Expired(_) => nobody(Unauthenticated::Expired),
        Rejected::Invalid => nobody(Unauthenticated::Invalid),
    })?;
    let found = app.db.session_and_user(claims.sid, claims.sub).await?;
    let (session, user) = found
        .filter(|(session, user)| session.is_live(Timestamp(now)) && user.is_active)
        .ok_or(nobody(Unauthenticated::Revoked))?;
    if claims.rc > session.seen_counter {
        // from here on the refresh token before this one is a stolen one
        app.db
            .write_one(async move |txn| session::raise_seen_counter(&txn, claims.sid, claims.rc).await)
            .await?;
    }
    Ok(Viewer { user, session, expires_at: claims.expires_at() })
}
