//! Finding anything with an ID.

use uuid::Uuid;

use super::user::{may_see_devices, may_see_second_factors, user};
use crate::{
    app::App,
    fault::Fault,
    sessions::Viewer,
    storage::{Timestamp, identity, passkey, session, user as users},
};

/// A row with an ID that clients know.
#[derive(Clone, Debug)]
pub enum Node {
    /// A user.
    User(Box<users::Model>),
    /// A live session, and whether the viewer may see its device.
    Session(Box<session::Model>, bool),
    /// An identity.
    Identity(identity::Model),
    /// A passkey.
    Passkey(passkey::Model),
}

/// Finds the user, session, identity or passkey with this ID. Returns `None` if the viewer may not see it. A viewer who
/// may see a user may also see the user's sessions and identities. A viewer who may see the user's second factors may
/// also see the user's passkeys.
pub async fn node(app: &App, viewer: &Viewer, id: Uuid) -> Result<Option<Node>, Fault> {
    if let Some(found) = user(app, viewer, id).await? {
        return Ok(Some(Node::User(Box::new(found))));
    }
    let now = Timestamp(app.clock.now());
    if let Some(row) = session::find(app.db.read(), id).await?.filter(|row| row.is_live(now)) {
        let Some(owner) = user(app, viewer, row.user_id).await? else { return Ok(None) };
        let sees_device = owner.id == viewer.user.id || may_see_devices(&viewer.user, &owner);
        let sees_second_factors = may_see_second_factors(&viewer.user, &owner);
        let row = if sees_second_factors { row } else { row.without_second_factors() };
        return Ok(Some(Node::Session(Box::new(row), sees_device)));
    }
    if let Some(row) = passkey::find(app.db.read(), id).await? {
        let owner = user(app, viewer, row.user_id).await?;
        let is_visible = owner.is_some_and(|owner| may_see_second_factors(&viewer.user, &owner));
        return Ok(is_visible.then_some(Node::Passkey(row)));
    }
    let Some(row) = identity::find(app.db.read(), id).await? else { return Ok(None) };
    Ok(user(app, viewer, row.user_id).await?.map(|_| Node::Identity(row)))
}
