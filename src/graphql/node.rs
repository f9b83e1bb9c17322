//! Finding any object by its ID, as Relay and other caching clients do to fetch an object again.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    types::node::Node,
};
use crate::accounts;

/// The query that finds any object by its ID.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// A user, session, identity or passkey by its ID. Null if it does not exist, or if the viewer may not see it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the object.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
        let found = accounts::node(app, viewer, id).await?;
        Ok(found.map(|found| Node::new(found, viewer.session.id)))
    }
}

/// Parses an ID as a UUID. If the ID is malformed, returns the nil UUID, which no object has.
pub(super) fn uuid(id: &ID) -> Uuid {
    id.parse().unwrap_or_default()
}
