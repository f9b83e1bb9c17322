//! Starting a Google sign-in in a browser.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    google::GoogleError,
    input::{FieldError, FieldErrorCode, Invalid},
    rate_limit::{self, Action, Address},
    secrets,
    sessions::Client,
    storage::{Timestamp, authorization_request},
    telemetry::with_causes,
};

/// The time limit for a person to sign in at Google.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// The data that a browser needs to send a person to Google and to finish the sign-in.
#[derive(Clone, Debug)]
pub struct GoogleAuthorization {
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
pub enum StartGoogleLoginRefusal {
    /// Sign-in with Google in a browser is disabled.
    NotEnabled,
    /// These fields are invalid.
    InvalidInput(Vec<FieldError>),
    /// Google did not respond.
    Unavailable,
}

impl Refusal for StartGoogleLoginRefusal {}

/// Starts a sign-in. Google sends the person back to `redirect_uri`, by default the first of `GOOGLE_REDIRECT_URIS`.
/// The URI must be exactly one of these. Otherwise, an attacker could have codes sent to their own page.
pub async fn start_google_login(
    app: &App,
    client: &Client,
    redirect_uri: Option<&str>,
) -> Result<GoogleAuthorization, Failure<StartGoogleLoginRefusal>> {
    let (Some(google), Some(settings)) = (&app.google, &app.config.google) else {
        return Err(StartGoogleLoginRefusal::NotEnabled.into());
    };
    let first = settings.redirect_uris.first().ok_or(StartGoogleLoginRefusal::NotEnabled)?;
    let allowed = match redirect_uri {
        None => Some(first),
        Some(uri) => settings.redirect_uris.iter().find(|allowed| *allowed == uri),
    };
    let redirect_uri = allowed.ok_or_else(|| {
        let message = "This redirect URI is not allowed.";
        let wrong = Invalid::new(FieldErrorCode::Malformed, message);
        StartGoogleLoginRefusal::InvalidInput(vec![wrong.at("redirectUri")])
    })?;
    if let Some(address) = Address::rationed(app, client.ip_address) {
        rate_limit::charge(app, Action::GoogleStart(&address)).await?;
    }

    let secret = || SecretString::from(URL_SAFE_NO_PAD.encode(secrets::random::<32>()));
    let (state, code_verifier) = (secret(), secret());
    let url = match google.authorization_url(redirect_uri, &state, &code_verifier).await {
        Ok(url) => url,
        Err(GoogleError::Busy) => return Err(Fault::Busy.into()),
        Err(error @ (GoogleError::Rejected(_) | GoogleError::Unavailable(_))) => {
            tracing::warn!(error = %with_causes(&error), "a Google sign-in cannot start");
            return Err(StartGoogleLoginRefusal::Unavailable.into());
        }
    };
    let request = authorization_request::Model {
        state_hash: hash(&state),
        code_challenge: hash(&code_verifier),
        redirect_uri: redirect_uri.clone(),
        expires_at: Timestamp(app.clock.now() + GOOD_FOR),
    };
    app.db.write_one(async move |txn| authorization_request::insert(&txn, request).await).await?;
    Ok(GoogleAuthorization { url, state, code_verifier, expires_in: GOOD_FOR })
}

/// Returns the SHA-256 of a secret in base64url. For a PKCE verifier this is its challenge (RFC 7636 §4.2).
pub(super) fn hash(secret: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.expose_secret().as_bytes()))
}
