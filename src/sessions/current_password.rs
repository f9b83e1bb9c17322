//! Checking the password that a user enters to prove their identity. Each check is charged before the hash is computed.

use secrecy::{ExposeSecret, SecretString};

use super::{client::Client, viewer::Viewer};
use crate::{
    app::App,
    fault::Fault,
    input::{FieldErrorCode, Invalid, Password},
    rate_limit::{Action, Address, Attempt},
    storage::user,
};

/// Parses the current password of a user. Returns `None` if the user has no password.
pub fn parse_current_password(
    user: &user::Model,
    entered: Option<&SecretString>,
) -> Result<Option<Password>, Invalid> {
    match entered {
        _ if user.password_hash.is_none() => Ok(None),
        Some(entered) => Password::parse(entered.expose_secret()).map(Some),
        None => Err(Invalid::new(FieldErrorCode::Required, "Enter your current password.")),
    }
}

/// Checks the viewer's password, and charges the attempt only to the session. Returns `None` if the password is wrong.
/// If `entered` is `None`, because the user has no password, the check passes, but the attempt is still charged.
pub async fn check_current_password(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    entered: Option<Password>,
) -> Result<Option<Attempt>, Fault> {
    let failures = [Action::PasswordProof(viewer.session.id)];
    match entered {
        Some(entered) => {
            let address = Address::rationed(app, client.ip_address);
            let stored = viewer.user.password_hash.as_deref();
            try_password(app, address.as_ref(), &failures, entered, stored).await
        }
        None => Attempt::begin(app, &failures, None).await.map(Some),
    }
}

/// Charges the actions in `failures`, and then compares a password with the stored hash. Returns `None` if the password
/// is wrong. Computes a hash even if none is stored, so that the response time does not reveal which accounts have a
/// password.
pub async fn try_password(
    app: &App,
    address: Option<&Address>,
    failures: &[Action<'_>],
    entered: Password,
    stored: Option<&str>,
) -> Result<Option<Attempt>, Fault> {
    let take_place = || app.passwords.place_to_verify(address.map(Address::as_str), stored);
    let (attempt, place) = Attempt::begin_with_place(app, failures, None, take_place).await?;
    let verified = app.passwords.verify(place, entered.into_secret(), stored).await?;
    Ok(verified.is_right.then_some(attempt))
}
