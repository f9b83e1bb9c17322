//! Beginning a sign-in in a browser.

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
};

/// How long a person may take at Google.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// What a browser needs to send a person to Google, and to end what it has begun.
#[derive(Clone, Debug)]
pub struct GoogleAuthorization {
    /// Where to send the person.
    pub url: Url,
    /// What comes back with the code, and is good once.
    pub state: SecretString,
    /// What stays in the browser: without it the code is of no use to anybody (RFC 7636).
    pub code_verifier: SecretString,
    /// How long the person may take.
    pub expires_in: Duration,
}

/// Why there is nowhere to send the person.
#[derive(Debug)]
pub enum StartGoogleLoginRefusal {
    /// Nobody signs in by Google in a browser here.
    NotEnabled,
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Google does not say where.
    Unavailable,
}

impl Refusal for StartGoogleLoginRefusal {}

/// Begins a sign-in. The person comes back to `redirect_uri`, which must be one of those that are set, letter by letter, or else
/// codes could be sent to somebody else's page; where none is given, to the first of them.
///
/// # Errors
/// Why not.
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
        let message = "This address is not among those to which people may come back.";
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
            tracing::warn!(error = &error as &dyn std::error::Error, "Google sign-in cannot begin");
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

/// SHA-256 in base64url: of a verifier it is its challenge (RFC 7636 §4.2).
pub(super) fn hash(secret: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.expose_secret().as_bytes()))
}
