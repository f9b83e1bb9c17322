//! Checking whether a username is available.

use super::new_account::is_reserved;
use crate::{
    app::App,
    fault::Fault,
    input::Username,
    rate_limit::{self, Action, Address},
    sessions::Client,
    storage::user,
};

/// Returns whether a username is valid, not reserved, and not taken at the moment.
pub async fn username_available(app: &App, client: &Client, username: &str) -> Result<bool, Fault> {
    let Ok(username) = Username::parse(username) else { return Ok(false) };
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::UsernameCheck(&address)).await?;
    }
    if is_reserved(app, &username) {
        return Ok(false);
    }
    Ok(user::find_by_username_key(app.db.read(), &username.key()).await?.is_none())
}
