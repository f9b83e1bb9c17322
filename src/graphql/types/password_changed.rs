//! The result of changing a password.

use async_graphql::{Context, ID, Object, Union};
use uuid::Uuid;

use super::user::{User, remaining_viewer};
use crate::graphql::{error::ApiError, refusal::UserError};

/// A successful change of a password.
pub struct PasswordChanged {
    ended_session_ids: Vec<ID>,
}

/// A successful change of a password.
#[Object]
impl PasswordChanged {
    /// The viewer after the change. Null unless the request's access token is still valid.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User, ApiError>> {
        remaining_viewer(ctx).await
    }

    /// The IDs of the sessions that the change ended.
    async fn ended_session_ids(&self) -> &[ID] {
        &self.ended_session_ids
    }
}

impl From<Vec<Uuid>> for PasswordChanged {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}

/// The result of changing a password.
#[derive(Union)]
pub enum PasswordChangeResult {
    /// The password was changed.
    PasswordChanged(PasswordChanged),
    /// The request was refused.
    UserError(UserError),
}
