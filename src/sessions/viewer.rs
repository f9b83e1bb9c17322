//! The viewer: the session and user that an access token represents.

use std::sync::Arc;

use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::stolen::{Evidence, end_stolen};
use crate::{
    app::App,
    config::SecondFactorRequirement,
    fault::{Failure, Fault, Refusal},
    storage::{
        Timestamp, Txn, session,
        user::{self, Role},
    },
    tokens::{AccessToken, Amr, Audience, Rejected},
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
    /// may have a later time, for example if the owner has reauthenticated while a thief holds an older token.
    pub authenticated_at: OffsetDateTime,
    /// The methods of that sign-in or reauthentication, according to the access token.
    pub amr: Amr,
    /// The counter of the refresh token that came with the access token.
    pub counter: i64,
}

impl Viewer {
    /// Returns the claim with which a transaction checks this viewer again.
    #[must_use]
    pub fn claim(&self) -> ViewerClaim {
        let is_multi_factor = self.amr.is_multi_factor();
        ViewerClaim { user_id: self.user.id, session_id: self.session.id, is_multi_factor }
    }

    /// Returns whether the user must enroll a second factor before anything else (`SECOND_FACTOR`).
    #[must_use]
    pub fn must_enroll(&self, app: &App) -> bool {
        must_enroll(app, &self.user)
    }

    /// Issues another access token to the holder of the viewer's own token. The new token belongs to the same refresh
    /// token even if the session has been refreshed since. Otherwise, using the new token would make the holder's
    /// refresh token count as spent.
    pub(crate) fn access_token(
        &self,
        app: &App,
        user: &user::Model,
        session: &session::Model,
        (authenticated_at, amr): (OffsetDateTime, Amr),
        now: OffsetDateTime,
    ) -> Result<AccessToken, Fault> {
        let claimed = session::Model {
            counter: self.counter,
            authenticated_at: Timestamp(authenticated_at),
            ..session.clone()
        };
        let about = (amr, audience(app, user));
        app.tokens.further_access_token(&claimed, user, about, now).map_err(Fault::internal)
    }
}

/// The viewer of a request, to be checked again in a transaction that changes how a user signs in.
///
/// A request can take a long time, for example because it computes a hash. In the meantime the owner may have ended a
/// thief's session or enrolled a second factor that the thief does not have.
#[derive(Clone, Copy, Debug)]
pub struct ViewerClaim {
    user_id: Uuid,
    session_id: Uuid,
    is_multi_factor: bool,
}

impl ViewerClaim {
    /// Locks the user, and then the session. Returns `None` if the user is not active, the session has ended, or the
    /// user has a second factor and the viewer's access token shows no proof of one.
    pub async fn lock(
        self,
        txn: &Txn,
        now: Timestamp,
    ) -> Result<Option<(user::Model, session::Model)>, DbErr> {
        let locked = user::lock(txn, &[self.user_id]).await?.pop();
        match locked {
            Some(user) => Ok(self.of(&user, txn, now).await?.map(|session| (user, session))),
            None => Ok(None),
        }
    }

    /// Does the same as [`lock`](Self::lock) for a user who is already locked, and returns only the session.
    pub async fn of(
        self,
        user: &user::Model,
        txn: &Txn,
        now: Timestamp,
    ) -> Result<Option<session::Model>, DbErr> {
        if !user.is_active || (user.has_second_factor() && !self.is_multi_factor) {
            return Ok(None);
        }
        Ok(session::lock(txn, self.session_id).await?.filter(|session| session.is_live(now)))
    }
}

/// Returns whether a user must enroll a second factor before anything else (`SECOND_FACTOR`).
#[must_use]
pub fn must_enroll(app: &App, user: &user::Model) -> bool {
    let is_required = match app.config.second_factors.second_factor {
        SecondFactorRequirement::Optional => false,
        SecondFactorRequirement::Staff => user.role >= Role::Staff,
        SecondFactorRequirement::Required => true,
    };
    is_required && !user.has_second_factor()
}

/// Returns the audience of a user's access tokens. Services other than Gatehouse do not accept the tokens of a user who
/// must first enroll a second factor.
pub(super) fn audience(app: &App, user: &user::Model) -> Audience {
    if must_enroll(app, user) { Audience::Enrolment } else { Audience::Everyone }
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
        amr: claims.amr,
        counter: claims.rc,
    })
}

/// Records that an access token with this counter was used. If the token is void, ends its session and returns `false`.
async fn note_use(app: &App, cached: &session::Model, counter: i64) -> Result<bool, Fault> {
    let id = cached.id;
    if counter > cached.seen_counter {
        // from now on, a reuse of the previous refresh token shows that it was stolen
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
