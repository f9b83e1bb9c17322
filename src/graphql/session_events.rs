//! The stream of events that concern the viewer's sessions and account.

use async_graphql::{Context, Enum, ID, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};
use time::OffsetDateTime;

use super::{
    caller::{caller, viewer},
    error::ApiError,
};
use crate::{
    events::{Event, EventKind},
    sessions,
};

/// The subscription to session events.
#[derive(Default)]
pub struct SessionEventsSubscription;

#[Subscription]
impl SessionEventsSubscription {
    /// Streams events that concern the viewer's sessions and account, over WebSocket (`graphql-transport-ws`) or server-sent
    /// events (`graphql-sse`). When the viewer's session ends, the stream sends a last event and completes, and the
    /// connection closes with code 4403 and reason `REVOKED`. When the access token expires, the connection closes with
    /// code 4403 and reason `EXPIRED`: reconnect with a new token. To stay connected, send a new token before the old
    /// one expires, in a `ping` with the payload `{ "accessToken": "…" }`.
    async fn session_events(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = SessionEvent> + use<>, ApiError> {
        let (app, _) = caller(ctx)?;
        let events = sessions::session_events(app, viewer(ctx)?).await?;
        Ok(events.filter_map(async |event| SessionEvent::of(event)))
    }
}

/// An event that concerns the viewer's sessions or account.
#[derive(SimpleObject)]
pub struct SessionEvent {
    /// The kind of event.
    kind: SessionEventKind,
    /// When the event happened.
    at: OffsetDateTime,
    /// The ID of the session that started or ended. Null for account events.
    session_id: Option<ID>,
}

impl SessionEvent {
    /// Converts an event. Returns `None` if it does not concern a user.
    fn of(event: Event) -> Option<Self> {
        let kind = match event.kind {
            EventKind::SessionStarted => SessionEventKind::SessionStarted,
            EventKind::SessionEnded => SessionEventKind::SessionEnded,
            EventKind::PasswordChanged => SessionEventKind::PasswordChanged,
            EventKind::EmailVerified => SessionEventKind::EmailVerified,
            EventKind::ProfileChanged => SessionEventKind::ProfileChanged,
            EventKind::LoginLinkConfirmed => return None,
        };
        Some(Self { kind, at: event.at, session_id: event.session_id.map(ID::from) })
    }
}

/// The kind of session event. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEventKind {
    /// A session started: the user signed in.
    SessionStarted,
    /// A session was ended before it expired, by the user or by someone else.
    SessionEnded,
    /// The password was changed or set.
    PasswordChanged,
    /// The email address was verified, or replaced by a verified one.
    EmailVerified,
    /// Another field of `me` changed: a name, the username, the bio, the picture, a linked account, the role, or whether the
    /// user can sign in.
    ProfileChanged,
}
