//! Starting a sign-in with a provider in a browser.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    input::{FieldError, FieldErrorCode, Invalid},
    providers::ProviderError,
    rate_limit::{self, Action, Address},
    secrets,
    sessions::Client,
    storage::{Timestamp, authorization_request},
    telemetry::with_causes,
};

/// The time limit for a person to sign in at the provider.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// The data that a browser needs to send a person to the provider and to finish the sign-in.
#[derive(Clone, Debug)]
pub struct ProviderAuthorization {
    /// The URL to which the person is sent.
    pub url: Url,
    /// The `state`, which comes back with the code and works once.
    pub state: SecretString,
    /// The PKCE verifier. It stays in the browser, and the code is useless without it (RFC 7636).
    pub code_verifier: SecretString,
    /// The time within which the person must return.
    pub expires_in: Duration,
}

/// The reasons why no sign-in starts.
#[derive(Debug)]
pub enum StartProviderLoginRefusal {
    /// There is no such provider, or sign-in with it in a browser is disabled.
    NotEnabled,
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// The provider did not respond.
    Unavailable,
}

impl Refusal for StartProviderLoginRefusal {}

/// Starts a sign-in. The provider sends the person back to `redirect_uri`, by default the first of `PROVIDER_REDIRECT_URIS`.
/// The URI must match one of these exactly. Otherwise, an attacker could have codes sent to their own page.
pub async fn start_provider_login(
    app: &App,
    client: &Client,
    provider: &str,
    redirect_uri: Option<&str>,
) -> Result<ProviderAuthorization, Failure<StartProviderLoginRefusal>> {
    let provider = app.providers.get(provider).filter(|provider| provider.accepts_codes());
    let provider = provider.ok_or(StartProviderLoginRefusal::NotEnabled)?;
    let settings = &app.config.providers;
    let first = settings.redirect_uris.first().ok_or(StartProviderLoginRefusal::NotEnabled)?;
    let allowed = match redirect_uri {
        None => Some(first),
        Some(uri) => settings.redirect_uris.iter().find(|allowed| *allowed == uri),
    };
    let redirect_uri = allowed.ok_or_else(|| {
        let message = "This redirect URI is not allowed.";
        let wrong = Invalid::new(FieldErrorCode::Malformed, message);
        StartProviderLoginRefusal::InvalidInput(vec![wrong.at("redirectUri")])
    })?;
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::ProviderStart(&address)).await?;
    }

    let secret = || SecretString::from(URL_SAFE_NO_PAD.encode(secrets::random::<32>()));
    let (state, code_verifier) = (secret(), secret());
    let url = match provider.authorization_url(redirect_uri, &state, &code_verifier).await {
        Ok(url) => url,
        Err(ProviderError::Busy) => return Err(Fault::Busy.into()),
        Err(error @ (ProviderError::Rejected(_) | ProviderError::Unavailable(_))) => {
            tracing::warn!(
                provider = provider.id(),
                error = %with_causes(&error),
                "a sign-in with a provider cannot start"
            );
            return Err(StartProviderLoginRefusal::Unavailable.into());
        }
    };
    let request = authorization_request::Model {
        state_hash: hash(&state),
        code_challenge: hash(&code_verifier),
        redirect_uri: redirect_uri.clone(),
        provider: provider.id().to_owned(),
        given_name: None,
        family_name: None,
        expires_at: Timestamp(app.clock.now() + GOOD_FOR),
    };
    app.db.write_one(async move |txn| authorization_request::insert(&txn, request).await).await?;
    Ok(ProviderAuthorization { url, state, code_verifier, expires_in: GOOD_FOR })
}

/// Returns the SHA-256 hash of a secret, in base64url. The hash of a PKCE verifier is its challenge (RFC 7636 §4.2).
pub(super) fn hash(secret: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.expose_secret().as_bytes()))
}
