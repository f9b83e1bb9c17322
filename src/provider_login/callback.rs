//! Receiving the response that a provider posts to the server instead of sending it to the app.

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

/// Stores the person's name, because the provider sends it only once. Returns the redirect URI of the app that started the
/// sign-in. The app handles the response itself, because only the app has the PKCE verifier. Returns `None` if this `state`
/// does not belong to a sign-in with this provider.
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
    // a separate budget, because any page can make a visitor's browser post here
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::ProviderCallback(&address)).await?;
    }
    let (state_hash, now) = (hash(state), Timestamp(app.clock.now()));
    let found = authorization_request::find_live(app.db.read(), &state_hash, provider, now).await?;
    let Some(request) = found else { return Ok(None) };
    let AppleName { given_name, family_name } = AppleName::read(user);
    if request.given_name.is_none() && (given_name.is_some() || family_name.is_some()) {
        let keep = async move |txn| {
            authorization_request::keep_name(&txn, state_hash, given_name, family_name).await
        };
        app.db.write_one(keep).await?;
    }
    Ok(Some(request.redirect_uri))
}
