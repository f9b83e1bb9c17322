//! Linked accounts at sign-in providers.

use async_graphql::{Enum, SimpleObject};
use time::OffsetDateTime;

use crate::storage::identity;

/// A linked account at a sign-in provider, with which the user can sign in.
#[derive(SimpleObject)]
pub struct Identity {
    /// The sign-in provider.
    provider: IdentityProvider,
    /// The email address of the linked account when it was linked. Null if the provider gave none.
    email: Option<String>,
    /// When the account was linked.
    linked_at: OffsetDateTime,
}

/// A sign-in provider. New values may be added, so handle unknown ones.
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
