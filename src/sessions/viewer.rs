//! Who sends a request: the session and user behind an access token.

use std::sync::Arc;

use time::OffsetDateTime;

use super::stolen::{Evidence, end_stolen};
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    storage::{Timestamp, session, user},
    tokens::{AccessToken, Rejected},
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
    /// When its holder last proved who they are, as the access token says. The session's row may say later: the token may be a
    /// thief's, and the later proof its owner's.
    pub authenticated_at: OffsetDateTime,
    /// The counter of the refresh token that came with the access token.
    pub counter: i64,
}

impl Viewer {
    /// Another access token for the same holder: it is of the same refresh token, whatever came after that elsewhere, or the
    /// holder's own refresh token would count as spent once this one is used.
    pub(crate) fn access_token(
        &self,
        app: &App,
        user: &user::Model,
        session: &session::Model,
        authenticated_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<AccessToken, Fault> {
        let session = session::Model {
            counter: self.counter,
            authenticated_at: Timestamp(authenticated_at),
            ..session.clone()
        };
        app.tokens.access_token(&session, user, now, now).map_err(Fault::internal)
    }
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

impl Refusal for Unauthenticated {}

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

/// Finds the viewer, as they are at this moment: an ended session ends at once, on every server.
///
/// # Errors
/// Why there is none.
pub async fn viewer(app: &App, access_token: Option<&str>) -> Result<Viewer, Failure<Unauthenticated>> {
    let token = access_token.ok_or(Unauthenticated::Missing)?;
    let now = app.clock.now();
    let claims = app.tokens.read_access_token(token, now).map_err(|rejected| match rejected {
        Rejected::Expired(_) => Unauthenticated::Expired,
        Rejected::Invalid => Unauthenticated::Invalid,
    })?;
    let found = app.db.session_and_user(claims.sid, claims.sub).await?;
    let (session, user) = found
        .filter(|(session, user)| session.is_live(Timestamp(now)) && user.is_active)
        .ok_or(Unauthenticated::Revoked)?;
    if !note_use(app, &session, claims.rc).await? {
        return Err(Unauthenticated::Revoked.into());
    }
    Ok(Viewer {
        user,
        session,
        expires_at: claims.expires_at(),
        authenticated_at: claims.authenticated_at(),
        counter: claims.rc,
    })
}

/// Notes that an access token with this counter was used. Returns `false` if it is void, and ends its session.
async fn note_use(app: &App, kept: &session::Model, counter: i64) -> Result<bool, Fault> {
    let id = kept.id;
    if counter > kept.seen_counter {
        // from here on the refresh token before this one is a stolen one
        let raise = async move |txn| session::raise_seen_counter(&txn, id, counter).await;
        if app.db.write_one(raise).await? {
            return Ok(true);
        }
    } else if !kept.is_void(counter) {
        return Ok(true);
    }
    // Another request was faster, or the token is void. The row kept in memory may be stale: the database's row decides.
    let session = session::find(app.db.read(), id).await?;
    let is_void = session.is_some_and(|session| session.is_void(counter));
    if is_void {
        end_stolen(app, id, Evidence::AccessToken(counter)).await?;
    }
    Ok(!is_void)
}
