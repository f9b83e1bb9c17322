//! Objects that can be found by their ID.

use async_graphql::{ID, Interface};
use uuid::Uuid;

use super::{identity::Identity, passkey::Passkey, session::Session, user::User};
use crate::accounts;

/// An object with an ID, according to the Relay global object identification specification. No two objects have the same ID.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The ID: opaque and never reused."))]
pub enum Node {
    /// A user.
    User(Box<User>),
    /// A session.
    Session(Box<Session>),
    /// A linked account at a sign-in provider.
    Identity(Identity),
    /// A passkey.
    Passkey(Passkey),
}

impl Node {
    /// Creates a node; `current_session` is the viewer's session.
    #[must_use]
    pub fn new(node: accounts::Node, current_session: Uuid) -> Self {
        let current = Some(current_session);
        match node {
            accounts::Node::User(row) => Self::User(Box::new(User::new(*row, current))),
            accounts::Node::Session(row, sees_device) => {
                let session = Session::new(*row, current);
                Self::Session(Box::new(if sees_device { session } else { session.without_device() }))
            }
            accounts::Node::Identity(row) => Self::Identity(row.into()),
            accounts::Node::Passkey(row) => Self::Passkey(row.into()),
        }
    }
}
