//! Refreshing a session: exchanging a refresh token for the next pair of tokens.
//!
//! A refresh token works once. A client that sends it again gets the *same* next pair as long as that pair has not been
//! used, so concurrent tabs, lost responses and closed laptops sign nobody out. Once the next pair has been used,
//! sending the token again shows that two parties hold tokens of the session: **a replayed refresh token ends the
//! session** (RFC 9700 §4.14.2).
//!
//! This rule alone would miss a thief who refreshes first and uses the next pair only outside Gatehouse. Therefore **a
//! different client that sends the token again gets a sibling**: a new pair that replaces the unused one. The unused
//! pair becomes void, and any use of a void token also ends the session. A client counts as different if its network or
//! its user agent differs. An owner who loses a response and changes networks also counts as a different client, but in
//! that case nobody holds the void pair.

use time::OffsetDateTime;

use super::{
    client::Client,
    open::later,
    signed_in::SignedIn,
    stolen::{Evidence, end_stolen},
};
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    storage::{Timestamp, session, session_rotation::Rotation, session_siblings, user},
};

/// The maximum number of attempts if other clients are faster. With a `REFRESH_GRACE`, all clients get the fastest
/// client's pair.
const MOST_TRIES: u32 = 8;

/// The reasons why a refresh is refused.
#[derive(Debug)]
pub enum RefreshRefusal {
    /// The request has no refresh token.
    Required,
    /// The token is unknown, expired, spent or revoked. The client cannot tell which.
    InvalidToken,
}

impl Refusal for RefreshRefusal {}

/// Exchanges a refresh token for a new pair.
pub async fn refresh(
    app: &App,
    client: &Client,
    refresh_token: Option<&str>,
) -> Result<SignedIn, Failure<RefreshRefusal>> {
    let sent = refresh_token.ok_or(RefreshRefusal::Required)?;
    let token = app.tokens.read_refresh_token(sent).ok_or(RefreshRefusal::InvalidToken)?;
    let now = app.clock.now();
    let rotation = Rotation {
        id: token.session_id,
        counter: token.counter,
        client_hash: client.hash_for(token.session_id),
        now: Timestamp(now),
        expires_at: Timestamp(later(now, app.config.tokens.refresh_token_ttl)),
    };
    let (session, rotated_user, issued_at) = match app.db.rotate(rotation).await? {
        Some((session, user)) => (session, user, now),
        None => repeat(app, rotation).await.map(|(session, issued_at)| (session, None, issued_at))?,
    };
    let owner = match rotated_user {
        Some(user) => Some(user),
        None => user::find(app.db.read(), session.user_id).await?,
    };
    let user = owner.filter(|user| user.is_active).ok_or(RefreshRefusal::InvalidToken)?;
    Ok(SignedIn::reissue(app, user, session, issued_at, now)?)
}

/// Handles a token that was spent before, or whose session has ended. Returns the session with its newest pair, and the
/// time at which that pair was issued.
///
/// Reads the row without a lock. This is safe: a sibling is issued only if the row is still unchanged, and a repeated
/// token that ends the session now would also end it later.
async fn repeat(
    app: &App,
    rotation: Rotation,
) -> Result<(session::Model, OffsetDateTime), Failure<RefreshRefusal>> {
    let now = rotation.now.0;
    for _ in 0..MOST_TRIES {
        let session = session::find(app.db.read(), rotation.id)
            .await?
            .filter(|session| session.is_live(rotation.now))
            .ok_or(RefreshRefusal::InvalidToken)?;

        if session.counter <= rotation.counter {
            // this row comes from a database server that lags behind: on the server where the token was spent, the
            // counter is higher
            continue;
        }
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
        // if a thief holds the unused pair, its next use reveals the theft; if the response with the pair was lost,
        // nobody needs the pair
        let sibling = app
            .db
            .write_one(async move |txn| session_siblings::issue_sibling(&txn, &session, rotation).await)
            .await?;
        if let Some(sibling) = sibling {
            tracing::info!(session.id = %sibling.id, "a different client reused a refresh token; the unused pair is now void");
            return Ok((sibling, now));
        }
    }
    Err(Fault::Busy.into())
}
