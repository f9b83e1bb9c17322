//! Following what happens to one's sessions and account.

use futures_util::{Stream, stream};

use super::{Unauthenticated, Viewer};
use crate::{
    app::App,
    events::{Event, Listener},
    fault::Failure,
    storage::{Timestamp, session},
};

/// What happens to the viewer's sessions and account from now on. It ends with the viewer's session, and tells that last.
///
/// # Errors
/// That the session is over, or [`Fault`](crate::fault::Fault).
pub async fn session_events(
    app: &App,
    viewer: &Viewer,
) -> Result<impl Stream<Item = Event> + use<>, Failure<Unauthenticated>> {
    let id = viewer.session.id;
    let listener = app.events.listen(viewer.user.id, id);
    // it may have ended after the viewer was found, and before anybody listened
    let session = session::find(app.db.read(), id).await?;
    if !session.is_some_and(|session| session.is_live(Timestamp(app.clock.now()))) {
        return Err(Unauthenticated::Revoked.into());
    }
    Ok(stream::unfold(Some(listener), move |listener| async move {
        let mut listener: Listener = listener?;
        let event = listener.next().await;
        let goes_on = !event.ends(id);
        Some((event, goes_on.then_some(listener)))
    }))
}
