//! Accounts elsewhere that sign a user in.

use async_graphql::{Enum, SimpleObject};
use time::OffsetDateTime;

use crate::storage::identity;

/// An account elsewhere that signs a person in here.
#[derive(SimpleObject)]
pub struct Identity {
    /// Where it is.
    provider: IdentityProvider,
    /// Its email address, as of when it was linked. Null where the provider gave none.
    email: Option<String>,
    /// When it was linked.
    linked_at: OffsetDateTime,
}

/// Who vouches for an identity. Values may be added: keep a default branch.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityProvider {
    /// Google.
    Google,
}

impl From<identity::Model> for Identity {
    fn from(row: identity::Model) -> Self {
        Self { provider: IdentityProvider::Google, email: row.email, linked_at: row.linked_at.0 }
    }
}
