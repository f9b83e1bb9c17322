//! A changed password.

use async_graphql::{ID, SimpleObject, Union};
use uuid::Uuid;

use crate::graphql::refusal::UserError;

/// The password is the new one.
#[derive(SimpleObject)]
pub struct PasswordChanged {
    /// The sessions that ended with the old one.
    ended_session_ids: Vec<ID>,
}

impl From<Vec<Uuid>> for PasswordChanged {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}

/// What changing a password comes to.
#[derive(Union)]
pub enum PasswordChangeResult {
    /// Changed.
    PasswordChanged(PasswordChanged),
    /// Refused.
    UserError(UserError),
}
