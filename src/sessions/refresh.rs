//! Staying signed in: a refresh token is traded for the next pair.
//!
//! A refresh token is good once. A client that repeats it gets the *same* next pair as long as nobody has used that one here,
//! so racing tabs, lost answers and closed lids sign nobody out. Once the next pair was used, two parties hold the session's
//! tokens, and **a replayed refresh token ends the session** (RFC 9700 §4.14.2).
//!
//! A thief who refreshes first, and uses the next pair elsewhere, would go unnoticed so. Therefore **another client that
//! repeats the token gets a sibling**, a pair in place of the unused one, which becomes void; and a void token ends the
//! session too. Another client is one on another network or with another user agent. The owner who lost an answer and moved
//! on is another client as well, but then nobody has the void pair.

use time::OffsetDateTime;

use super::{
    Client, SignedIn,
    open::later,
    stolen::{Evidence, end_stolen},
};
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    storage::{Timestamp, session, session_rotation::Rotation, session_siblings, user},
};

/// How often to look anew where other clients are faster. With a `REFRESH_GRACE` one of them is, and all get its pair.
const MOST_TRIES: u32 = 8;

/// Why there are no new tokens.
#[derive(Debug)]
pub enum RefreshRefusal {
    /// No token was given.
    Required,
    /// Unknown, expired, spent or revoked: never told apart.
    InvalidToken,
}

impl Refusal for RefreshRefusal {}

/// Trades a refresh token for a new pair.
///
/// # Errors
/// Why not.
pub async fn refresh(
    app: &App,
    client: &Client,
    refresh_token: Option<&str>,
) -> Result<SignedIn, Failure<RefreshRefusal>> {
    let token = app.tokens.read_refresh_token(refresh_token.ok_or(RefreshRefusal::Required)?);
    let token = token.ok_or(RefreshRefusal::InvalidToken)?;
    let now = app.clock.now();
    let rotation = Rotation {
        id: token.session_id,
        counter: token.counter,
        client_hash: client.hash_for(token.session_id),
        now: Timestamp(now),
        expires_at: Timestamp(later(now, app.config.tokens.refresh_token_ttl)),
    };
    let (session, user, issued_at) = match app.db.rotate(rotation).await? {
        Some((session, user)) => (session, user, now),
        None => repeat(app, rotation).await.map(|(session, issued_at)| (session, None, issued_at))?,
    };
    let user = match user {
        Some(user) => Some(user),
        None => user::find(app.db.read(), session.user_id).await?,
    };
    let user = user.filter(|user| user.is_active).ok_or(RefreshRefusal::InvalidToken)?;
    Ok(SignedIn::reissue(app, user, session, issued_at, now)?)
}

/// The token was spent before, or its session is over. Returns the session with its newest pair, and when that was issued.
///
/// What is read needs no lock: a sibling is issued only if the row is still as it was read, and a token that ends its session
/// would do so later, too.
async fn repeat(
    app: &App,
    rotation: Rotation,
) -> Result<(session::Model, OffsetDateTime), Failure<RefreshRefusal>> {
    let now = rotation.now.0;
    for _ in 0..MOST_TRIES {
        let session = session::find(app.db.read(), rotation.id).await?;
        let session =
            session.filter(|session| session.is_live(rotation.now)).ok_or(RefreshRefusal::InvalidToken)?;

        let is_base = rotation.counter == session.base_counter();
        let rotated_at = session.last_used_at.0;
        if is_base && now < later(rotated_at, app.config.tokens.refresh_grace) {
            return Ok((session, rotated_at));
        }
        if !is_base || session.seen_counter >= session.counter {
            end_stolen(app, session.id, Evidence::RefreshToken).await?;
            return Err(RefreshRefusal::InvalidToken.into());
        }
        if session.newest_client().is_none_or(|newest| newest == rotation.client_hash) {
            return Ok((session, now));
        }
        // If a thief has the unused pair, its next use shows that. If its answer was lost, nobody misses it.
        let sibling = app
            .db
            .write_one(async move |txn| session_siblings::issue_sibling(&txn, &session, rotation).await)
            .await?;
        if let Some(sibling) = sibling {
            tracing::info!(session.id = %sibling.id, "another client repeated a refresh token; the unused pair is void");
            return Ok((sibling, now));
        }
    }
    Err(Fault::Busy.into())
}
