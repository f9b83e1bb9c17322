//! Identifying a Google account by the tokens or code that Google gave to the client.

use secrecy::SecretString;

use super::start_google_login::hash;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    google::{Google, GoogleAccount, GoogleError},
    rate_limit::{Action, Address, Attempt},
    sessions::Client,
    storage::{Timestamp, authorization_request},
    telemetry::with_causes,
};

/// The tokens or code that Google gave to the client.
#[derive(Clone, Debug)]
pub enum GoogleLoginInput {
    /// An access token that was issued to the client.
    AccessToken(SecretString),
    /// An ID token that was issued to the client.
    IdToken {
        /// The token.
        id_token: SecretString,
        /// The nonce that the client sent to Google.
        nonce: Option<String>,
    },
    /// An authorization code that came back to the browser.
    AuthorizationCode {
        /// The code.
        code: SecretString,
        /// The `state` that came back with it.
        state: SecretString,
        /// The PKCE verifier, which stayed in the browser.
        code_verifier: SecretString,
    },
}

/// The reasons why no account is identified.
#[derive(Debug)]
pub enum IdentifyRefusal {
    /// Sign-in with Google is disabled.
    NotEnabled,
    /// Google rejects the input, or the sign-in was started elsewhere, has expired or is spent. The client cannot tell which.
    Rejected,
    /// Google did not respond.
    Unavailable,
}

impl Refusal for IdentifyRefusal {}

/// Identifies a Google account. Charges a failure to the client's address. The caller must report success on the
/// returned attempt once its own operation has succeeded.
pub(crate) async fn identify(
    app: &App,
    client: &Client,
    input: &GoogleLoginInput,
) -> Result<(GoogleAccount, Attempt), Failure<IdentifyRefusal>> {
    let google = app.google.as_ref().ok_or(IdentifyRefusal::NotEnabled)?;
    let address = Address::rationed(app, client.ip_address);
    let failures: Vec<_> = address.iter().map(Action::FailedGoogleLogin).collect();
    let attempt = Attempt::begin(app, &failures, None).await?;
    let error = match ask(app, google, input).await? {
        Ok(account) => return Ok((account, attempt)),
        Err(error) => error,
    };
    if let GoogleError::Rejected(reason) = error {
        tracing::info!(reason, "a Google sign-in was refused");
        return Err(IdentifyRefusal::Rejected.into());
    }
    // the client is not charged for a failure of Google
    attempt.refund(app).await?;
    match error {
        GoogleError::Busy => Err(Fault::Busy.into()),
        error => {
            tracing::warn!(error = %with_causes(&error), "Google could not identify the user");
            Err(IdentifyRefusal::Unavailable.into())
        }
    }
}

async fn ask(
    app: &App,
    google: &Google,
    input: &GoogleLoginInput,
) -> Result<Result<GoogleAccount, GoogleError>, Fault> {
    Ok(match input {
        GoogleLoginInput::AccessToken(token) => google.by_access_token(token).await,
        GoogleLoginInput::IdToken { id_token, nonce } => google.by_id_token(id_token, nonce.as_deref()).await,
        GoogleLoginInput::AuthorizationCode { code, state, code_verifier } => {
            // spent before the code is exchanged, so that only one of several concurrent requests exchanges it
            let (state_hash, challenge, now) = (hash(state), hash(code_verifier), Timestamp(app.clock.now()));
            let spend = async move |txn| authorization_request::spend(&txn, state_hash, challenge, now).await;
            match app.db.write_one(spend).await? {
                Some(request) => google.by_code(code, code_verifier, &request.redirect_uri).await,
                None => Err(GoogleError::Rejected(
                    "the state is unknown or expired, or the verifier does not match",
                )),
            }
        }
    })
}
