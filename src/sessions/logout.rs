//! Signing out here.

use uuid::Uuid;

use super::{ViewerError, viewer};
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, session},
};

/// Ends the session of the refresh token given, else of the access token. Says which session it ended: none if it was over
/// already, or if the token is nobody's, which is no error.
///
/// # Errors
/// [`Fault`] alone.
pub async fn logout(
    app: &App,
    refresh_token: Option<&str>,
    access_token: Option<&str>,
) -> Result<Option<Uuid>, Fault> {
    let id = match (refresh_token, access_token) {
        (Some(token), _) => app.tokens.read_refresh_token(token).map(|token| token.session_id),
        (None, Some(token)) => match viewer(app, Some(token)).await {
            Ok(viewer) => Some(viewer.session.id),
            Err(ViewerError::Unauthenticated(_)) => None,
            Err(ViewerError::Fault(fault)) => return Err(fault),
        },
        (None, None) => None,
    };
    let Some(id) = id else { return Ok(None) };
    let now = Timestamp(app.clock.now());
    let ended = app.db.write_one(async move |txn| session::end(&txn, id, now).await).await?;
    Ok(ended.then_some(id))
}
