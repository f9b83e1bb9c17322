//! The sessions that a request ended.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use super::user::{User, remaining_viewer};
use crate::graphql::error::ApiError;

/// The sessions that a request ended.
pub struct SessionsEnded {
    ended_session_ids: Vec<ID>,
}

/// The sessions that a request ended.
#[Object]
impl SessionsEnded {
    /// The viewer, with the sessions that remain. Null unless the request's access token is still valid.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User, ApiError>> {
        remaining_viewer(ctx).await
    }

    /// The IDs of the sessions. Sessions that had already ended are not listed.
    async fn ended_session_ids(&self) -> &[ID] {
        &self.ended_session_ids
    }
}

impl From<Vec<Uuid>> for SessionsEnded {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}
