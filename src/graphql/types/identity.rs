//! Linked accounts at sign-in providers.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use time::OffsetDateTime;

use crate::{app::App, config::ProviderKind, storage::identity};

/// A linked account at a sign-in provider. The user can sign in with it.
pub struct Identity(identity::Model);

/// A linked account at a sign-in provider. The user can sign in with it.
#[Object]
impl Identity {
    /// The ID of the identity: opaque and never reused.
    pub async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The ID of the sign-in provider; see `AuthSettings.providers`.
    async fn provider_id(&self) -> ID {
        self.0.provider.as_str().into()
    }

    /// The kind of sign-in provider.
    async fn provider(&self, ctx: &Context<'_>) -> IdentityProvider {
        ctx.data_unchecked::<Arc<App>>().providers.kind(&self.0.provider).into()
    }

    /// The email address that the account had when it was linked. Null if the provider gave none.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// When the account was linked.
    async fn linked_at(&self) -> OffsetDateTime {
        self.0.linked_at.0
    }
}

/// A kind of sign-in provider. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "ProviderKind")]
pub enum IdentityProvider {
    /// Google.
    Google,
    /// GitHub.
    #[graphql(name = "GITHUB")]
    GitHub,
    /// Microsoft.
    Microsoft,
    /// Apple.
    Apple,
    /// Any other OpenID Connect provider.
    Oidc,
}

impl From<identity::Model> for Identity {
    fn from(row: identity::Model) -> Self {
        Self(row)
    }
}
