//! Checking whether a username is available.

use super::names::{is_username_taken, similar_username};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::{FieldError, Username},
    rate_limit::{self, Action, Address},
    sessions::Client,
};

/// Whether a username is available at the moment.
#[derive(Clone, Debug)]
pub struct UsernameAvailability {
    /// The username, without leading and trailing spaces.
    pub username: Username,
    /// Whether the username is neither reserved nor taken.
    pub is_available: bool,
    /// A similar username that is available, if this one is not.
    pub suggestion: Option<String>,
}

/// The reasons why a username is not checked.
#[derive(Debug)]
pub enum UsernameAvailableRefusal {
    /// The username is invalid.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for UsernameAvailableRefusal {}

/// Checks whether a username is available.
pub async fn username_available(
    app: &App,
    client: &Client,
    username: &str,
) -> Result<UsernameAvailability, Failure<UsernameAvailableRefusal>> {
    let username = Username::parse(username)
        .map_err(|wrong| UsernameAvailableRefusal::InvalidInput(vec![wrong.at("username")]))?;
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::UsernameCheck(&address)).await?;
    }
    let is_available = !is_username_taken(app, &username).await?;
    let suggestion = if is_available { None } else { similar_username(app, &username).await? };
    Ok(UsernameAvailability { username, is_available, suggestion })
}
