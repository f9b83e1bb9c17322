//! The waiting of the client that requested a link, until the reader of the email confirms the link elsewhere.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use secrecy::SecretString;
use tokio::time;
use uuid::Uuid;

use crate::{
    app::App,
    events::Listener,
    fault::Fault,
    storage::{
        Timestamp,
        challenge::{self, Purpose},
    },
};

/// The maximum number of clients that wait for the same challenge on one server. A tab counts as one client, and as two while it
/// reconnects.
const MAX_WAITING: usize = 4;

/// How often the challenge is read again. No notice of a confirmation arrives if another program writes the
/// confirmation to the same SQLite file, if a server crashes before it sends the notice, or if this server receives no
/// notices at all.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The refusal if too many clients are already waiting for the challenge.
#[derive(Debug)]
pub struct TooManyWaiting;

/// Returns a stream that yields the one-time code of the challenge once its link is confirmed, and then ends. It ends
/// without a code when the challenge is used or expires. For an unknown challenge, it ends immediately.
///
/// Only the client that requested the challenge knows its ID, and only a reader of the email can confirm the link.
pub fn await_login_link(
    app: Arc<App>,
    id: Uuid,
) -> Result<impl Stream<Item = Result<SecretString, Fault>> + use<>, TooManyWaiting> {
    // listening begins before the challenge is read, because otherwise a confirmation between the two would be missed
    let listener = app.events.listen_for_confirmation(id, MAX_WAITING).ok_or(TooManyWaiting)?;
    let code = stream::once(wait(app, listener, id));
    Ok(code.filter_map(async |code| code.transpose()))
}

async fn wait(app: Arc<App>, mut listener: Listener, id: Uuid) -> Result<Option<SecretString>, Fault> {
    loop {
        let now = app.clock.now();
        let found = challenge::find_live(app.db.read(), id, Timestamp(now)).await?;
        let Some(challenge) = found.filter(|found| found.purpose == Purpose::SignIn) else { return Ok(None) };
        if challenge.confirmed_at.is_some() {
            return Ok(Some(app.tokens.one_time_code(id)));
        }
        let left = Duration::try_from(challenge.expires_at.0 - now).unwrap_or_default();
        // after a notice or a timeout, the row is read again, because only the row shows whether the link is confirmed
        let _ = time::timeout(left.min(CHECK_INTERVAL), listener.next()).await;
    }
}
