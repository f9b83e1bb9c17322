//! Following what happens to one's sessions and account.

use async_graphql::{Context, Enum, ID, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};
use time::OffsetDateTime;

use super::{
    caller::{caller, viewer},
    error::ApiError,
};
use crate::{
    events::{self, Event},
    sessions,
};

/// The subscription to events.
#[derive(Default)]
pub struct SessionEventsSubscription;

#[Subscription]
impl SessionEventsSubscription {
    /// What happens to the viewer's sessions and account, by WebSocket (`graphql-transport-ws`). It ends when the viewer's
    /// session ends: the last event tells so, the stream completes, and the connection is closed with 4403 and the reason
    /// `REVOKED`. When the access token expires, the connection is closed with 4403 and `EXPIRED`, and the client connects
    /// again with the next one; or it sends that before, in a `ping` with the payload `{ "accessToken": "…" }`, and stays.
    async fn session_events(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = SessionEvent> + use<>, ApiError> {
        let (app, _) = caller(ctx)?;
        let events = sessions::session_events(app, viewer(ctx)?).await?;
        Ok(events.map(SessionEvent::from))
    }
}

/// Something that happened to one's sessions or account.
#[derive(SimpleObject)]
pub struct SessionEvent {
    /// What happened.
    kind: SessionEventKind,
    /// When.
    at: OffsetDateTime,
    /// The session that started or ended. Null for what concerns the account.
    session_id: Option<ID>,
}

impl From<Event> for SessionEvent {
    fn from(event: Event) -> Self {
        Self { kind: event.kind.into(), at: event.at, session_id: event.session_id.map(ID::from) }
    }
}

/// What may happen. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "events::EventKind")]
pub enum SessionEventKind {
    /// Somebody signed in.
    SessionStarted,
    /// A session is over, by whomever: it was ended before it expired.
    SessionEnded,
    /// The password is another, or there is one now.
    PasswordChanged,
    /// The address is proven: the one that was there, or another in its place.
    EmailVerified,
    /// Something else that `me` tells is another: names, what people say of themselves, what signs them in, their role, or
    /// whether they may sign in.
    ProfileChanged,
}
