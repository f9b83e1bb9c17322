//! Receiving the answer of a provider that posts it to the server instead of sending it to the app.

use secrecy::SecretString;

use super::start_provider_login::hash;
use crate::{
    app::App,
    fault::Fault,
    providers::AppleName,
    rate_limit::{self, Action, Address},
    sessions::Client,
    storage::{Timestamp, authorization_request},
};

/// Keeps the name that the provider sent about the person, because it sends it only once, and returns the address of the app that
/// started the sign-in. The answer itself is left to the app, which has the verifier. Returns `None` if no sign-in with this
/// provider has the state.
pub async fn callback(
    app: &App,
    client: &Client,
    provider: &str,
    state: &SecretString,
    user: &str,
) -> Result<Option<String>, Fault> {
    if app.providers.get(provider).is_none() {
        return Ok(None);
    }
    let AppleName { given_name, family_name } = AppleName::read(user);
    let (state_hash, provider, now) = (hash(state), provider.to_owned(), Timestamp(app.clock.now()));
    let receive = async move |txn| {
        authorization_request::receive(&txn, state_hash, provider, (given_name, family_name), now).await
    };
    let redirect_uri = app.db.write_one(receive).await?;
    if redirect_uri.is_none()
        && let Some(address) = Address::rationed(app, client.ip_address)
    {
        rate_limit::charge(app, Action::FailedProviderLogin(&address)).await?;
    }
    Ok(redirect_uri)
}
