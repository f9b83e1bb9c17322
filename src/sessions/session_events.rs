//! Following the events in the viewer's sessions and account.

use futures_util::{Stream, stream};

use super::viewer::{Unauthenticated, Viewer};
use crate::{
    app::App,
    events::{Event, Listener},
    fault::Failure,
    storage::{Timestamp, session},
};

/// Returns a stream of future events in the viewer's sessions and account. The stream ends when the viewer's own
/// session ends.
pub async fn session_events(
    app: &App,
    viewer: &Viewer,
) -> Result<impl Stream<Item = Event> + use<>, Failure<Unauthenticated>> {
    let id = viewer.session.id;
    let listener = app.events.listen(viewer.user.id, id);
    // checked only after listening has begun, because otherwise the end of the session could be missed
    let session = session::find(app.db.read(), id).await?;
    if !session.is_some_and(|session| session.is_live(Timestamp(app.clock.now()))) {
        return Err(Unauthenticated::Revoked.into());
    }
    Ok(stream::unfold(Some(listener), move |listener| async move {
        let mut listener: Listener = listener?;
        let event = listener.next().await;
        let continues = !event.ends(id);
        Some((event, continues.then_some(listener)))
    }))
}
