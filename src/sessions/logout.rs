//! Signing out here.

use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session},
    tokens::Rejected,
};

/// Ends the session of the refresh token given, else of the access token, even an expired one: whoever signs out after a
/// break means it. Says which session it ended: none if it was over already, or if the tokens are nobody's, which is no
/// error.
///
/// # Errors
/// [`Fault`] alone.
pub async fn logout(
    app: &App,
    refresh_token: Option<&str>,
    access_token: Option<&str>,
) -> Result<Option<Uuid>, Fault> {
    let now = app.clock.now();
    let by_refresh_token = || Some(app.tokens.read_refresh_token(refresh_token?)?.session_id);
    let by_access_token = || match app.tokens.read_access_token(access_token?, now) {
        Ok(claims) | Err(Rejected::Expired(claims)) => Some(claims.sid),
        Err(Rejected::Invalid) => None,
    };
    let Some(id) = by_refresh_token().or_else(by_access_token) else { return Ok(None) };
    let ended = app.db.write(async move |txn| session::end(&txn, id, Timestamp(now)).await).await?;
    Ok(ended.then_some(id))
}
