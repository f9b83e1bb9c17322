//! The viewer: the session and user that an access token represents.

use std::sync::Arc;

use time::OffsetDateTime;

use super::stolen::{Evidence, end_stolen};
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    storage::{Timestamp, session, user},
    tokens::{AccessToken, Rejected},
};

/// The user who is signed in, and their session.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The user.
    pub user: Arc<user::Model>,
    /// The session of the request.
    pub session: Arc<session::Model>,
    /// The time at which the access token expires.
    pub expires_at: OffsetDateTime,
    /// The time of the holder's last sign-in or reauthentication, according to the access token. The row of the session
    /// may have a later time: if a thief holds the token, the owner may have reauthenticated since.
    pub authenticated_at: OffsetDateTime,
    /// The counter of the refresh token that came with the access token.
    pub counter: i64,
}

impl Viewer {
    /// Issues another access token to the same holder. It belongs to the same refresh token even if the session has
    /// been refreshed since. Otherwise its use would make the holder's refresh token count as spent.
    pub(crate) fn access_token(
        &self,
        app: &App,
        user: &user::Model,
        session: &session::Model,
        authenticated_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<AccessToken, Fault> {
        let claimed = session::Model {
            counter: self.counter,
            authenticated_at: Timestamp(authenticated_at),
            ..session.clone()
        };
        app.tokens.access_token(&claimed, user, now, now).map_err(Fault::internal)
    }
}

/// The reasons why a request has no viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// The request has no access token.
    Missing,
    /// The token has expired.
    Expired,
    /// The token was not issued by this server, or is malformed.
    Invalid,
    /// The session has ended, or its user is deactivated.
    Revoked,
}

impl Refusal for Unauthenticated {}

impl Unauthenticated {
    /// Returns the reason in the form that clients read.
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

/// Finds the viewer for an access token. The session and user are current, so an ended session has no viewer on any
/// server.
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

/// Records that an access token with this counter was used. If the token is void, ends its session and returns `false`.
async fn note_use(app: &App, cached: &session::Model, counter: i64) -> Result<bool, Fault> {
    let id = cached.id;
    if counter > cached.seen_counter {
        // from now on, a repetition of the previous refresh token shows that it was stolen
        let raise = async move |txn| session::raise_seen_counter(&txn, id, counter).await;
        if app.db.write_one(raise).await? {
            return Ok(true);
        }
    } else if !cached.is_void(counter) {
        return Ok(true);
    }
    // another request was faster, or the token is void; the cached row may be outdated, so the database decides
    let session = session::find(app.db.read(), id).await?;
    let is_void = session.is_some_and(|session| session.is_void(counter));
    if is_void {
        end_stolen(app, id, Evidence::AccessToken(counter)).await?;
    }
    Ok(!is_void)
}
