//! Staying signed in: a refresh token is traded for the next pair.
//!
//! A refresh token is good once. Whoever presents it again gets the *same* next token as long as nobody has used that one,
//! so racing tabs, lost answers and closed lids sign nobody out. Once the next one was used, two parties hold the session's
//! tokens, and **a replayed refresh token ends the session** (RFC 9700 §4.14.2).

use time::OffsetDateTime;

use super::{SignedIn, open::later};
use crate::{
    app::App,
    fault::Fault,
    storage::{
        Timestamp,
        session::{self, Rotation},
        user,
    },
    tokens::RefreshClaims,
};

/// Why there are no new tokens.
#[derive(Debug)]
pub enum RefreshError {
    /// No token was given.
    Required,
    /// Unknown, expired, spent or revoked: never told apart.
    InvalidToken,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for RefreshError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Trades a refresh token for a new pair.
///
/// # Errors
/// Why not.
pub async fn refresh(app: &App, refresh_token: Option<&str>) -> Result<SignedIn, RefreshError> {
    let token = app.tokens.read_refresh_token(refresh_token.ok_or(RefreshError::Required)?);
    let token = token.ok_or(RefreshError::InvalidToken)?;
    let now = app.clock.now();
    let expires_at = Timestamp(later(now, app.config.refresh_token_ttl));
    let (id, counter) = (token.session_id, token.counter);
    let rotation = Rotation { id, counter, now: Timestamp(now), expires_at };
    let (session, user, issued_at) = match app.db.rotate(rotation).await? {
        Some((session, user)) => (session, user, now),
        None => repeat(app, token, now).await.map(|(session, issued_at)| (session, None, issued_at))?,
    };
    let user = match user {
        Some(user) => Some(user),
        None => user::find(app.db.read(), session.user_id).await?,
    };
    let user = user.filter(|user| user.is_active).ok_or(RefreshError::InvalidToken)?;
    Ok(SignedIn::reissue(app, user, session, issued_at, now)?)
}

/// The token was spent before, or its session is over. What is read here only ever becomes more true, so it needs no lock.
async fn repeat(
    app: &App,
    token: RefreshClaims,
    now: OffsetDateTime,
) -> Result<(session::Model, OffsetDateTime), RefreshError> {
    let session = session::find(app.db.read(), token.session_id)
        .await?
        .filter(|session| session.is_live(Timestamp(now)));
    let session = session.ok_or(RefreshError::InvalidToken)?;

    let is_previous = token.counter == session.counter - 1;
    let rotated_at = session.last_used_at.0;
    if is_previous && now < later(rotated_at, app.config.refresh_grace) {
        return Ok((session, rotated_at));
    }
    if is_previous && session.seen_counter < session.counter {
        return Ok((session, now));
    }

    let (id, user_id) = (session.id, session.user_id);
    if app.db.write(async move |txn| session::end(&txn, id, Timestamp(now)).await).await? {
        tracing::warn!(session.id = %id, user.id = %user_id, "a refresh token was replayed; its session is ended");
    }
    Err(RefreshError::InvalidToken)
}
