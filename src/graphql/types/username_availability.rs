//! Whether a username is available.

use async_graphql::{SimpleObject, Union};

use crate::{accounts, graphql::refusal::UserError};

/// Whether a username is available at the moment.
#[derive(SimpleObject)]
pub struct UsernameAvailability {
    /// The username, without leading and trailing spaces.
    username: String,
    /// Whether a new account can have the username. Only a sign-up or `updateProfile` reserves it.
    is_available: bool,
    /// A similar username that is available. Null if `username` is available itself, or if none was found.
    suggestion: Option<String>,
}

/// The result of checking a username.
#[derive(Union)]
pub enum UsernameAvailableResult {
    /// The username is valid.
    UsernameAvailability(UsernameAvailability),
    /// The username is invalid, or the request was refused.
    UserError(UserError),
}

impl From<accounts::UsernameAvailability> for UsernameAvailability {
    fn from(checked: accounts::UsernameAvailability) -> Self {
        let accounts::UsernameAvailability { username, is_available, suggestion } = checked;
        Self { username: username.as_str().to_owned(), is_available, suggestion }
    }
}
