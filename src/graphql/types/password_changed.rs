//! The result of changing a password.

use async_graphql::{ID, SimpleObject, Union};
use uuid::Uuid;

use crate::graphql::refusal::UserError;

/// A changed password.
#[derive(SimpleObject)]
pub struct PasswordChanged {
    /// The IDs of the sessions that the change ended.
    ended_session_ids: Vec<ID>,
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
