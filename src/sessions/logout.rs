//! Signing out of the current session.

use uuid::Uuid;

use super::{
    open::later,
    stolen::{Evidence, report, write_to_owner},
};
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session_end},
    tokens::Rejected,
};

/// Ends the session of the refresh token or, without one, of the access token. Returns the ID of the ended session.
/// Returns `None` if the session had already ended or the tokens are invalid. Neither is an error.
///
/// An expired access token still works here, because a person who signs out after a break expects it to work. It
/// works for at most `REFRESH_TOKEN_TTL` after its expiry, so that an old copy in a log or a backup does not stay
/// useful forever.
pub async fn logout(
    app: &App,
    refresh_token: Option<&str>,
    access_token: Option<&str>,
) -> Result<Option<Uuid>, Fault> {
    let now = app.clock.now();
    let by_refresh_token = || {
        let claims = app.tokens.read_refresh_token(refresh_token?)?;
        Some((claims.session_id, claims.counter, Evidence::RefreshToken))
    };
    let by_access_token = || {
        let claims = match app.tokens.read_access_token(access_token?, now) {
            Ok(claims) => claims,
            Err(Rejected::Expired(claims)) => Some(claims)
                .filter(|claims| now < later(claims.expires_at(), app.config.tokens.refresh_token_ttl))?,
            Err(Rejected::Invalid) => return None,
        };
        Some((claims.sid, claims.rc, Evidence::AccessToken(claims.rc)))
    };
    let Some((id, counter, evidence)) = by_refresh_token().or_else(by_access_token) else { return Ok(None) };
    let ended = app
        .db
        .write(async move |txn| {
            let ended = session_end::end(&txn, id, Timestamp(now)).await?;
            if let Some(session) = ended.as_ref().filter(|session| session.is_void(counter)) {
                write_to_owner(&txn, session, Timestamp(now)).await?;
            }
            Ok(ended)
        })
        .await?;
    if let Some(session) = ended.as_ref().filter(|session| session.is_void(counter)) {
        report(app, session, evidence);
    }
    Ok(ended.map(|_| id))
}
