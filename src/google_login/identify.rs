//! Whose Google account it is, by what Google gave to their client.

use std::error::Error;

use secrecy::SecretString;

use super::start_google_login::hash;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    google::{Google, GoogleAccount, GoogleError},
    rate_limit::{Action, Address, Attempt},
    sessions::Client,
    storage::{Timestamp, authorization_request},
};

/// What Google gave to a client.
#[derive(Clone, Debug)]
pub enum GoogleLoginInput {
    /// An access token that was issued to it.
    AccessToken(SecretString),
    /// An ID token that was issued to it.
    IdToken {
        /// The token.
        id_token: SecretString,
        /// What the client sent to have it put into the token.
        nonce: Option<String>,
    },
    /// A code that came back to a browser.
    AuthorizationCode {
        /// The code.
        code: SecretString,
        /// What came back with it.
        state: SecretString,
        /// What stayed in the browser.
        code_verifier: SecretString,
    },
}

/// Why it is nobody's.
#[derive(Debug)]
pub enum IdentifyRefusal {
    /// Nobody signs in by Google here.
    NotEnabled,
    /// Google does not vouch for it; or the sign-in was begun elsewhere, too long ago, or has ended: never told apart.
    Rejected,
    /// Google did not answer.
    Unavailable,
}

impl Refusal for IdentifyRefusal {}

/// Finds out, and charges the client's address for it as for a failure: the attempt is to succeed with whatever it is for.
///
/// # Errors
/// Why not.
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
    // that is none of theirs
    attempt.refund(app).await?;
    match error {
        GoogleError::Busy => Err(Fault::Busy.into()),
        error => {
            tracing::warn!(error = &error as &dyn Error, "Google did not say who signs in");
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
            // before the code is traded, so that of racing callers one trades it
            let (state_hash, challenge, now) = (hash(state), hash(code_verifier), Timestamp(app.clock.now()));
            let spend = async move |txn| authorization_request::spend(&txn, state_hash, challenge, now).await;
            match app.db.write_one(spend).await? {
                Some(request) => google.by_code(code, code_verifier, &request.redirect_uri).await,
                None => Err(GoogleError::Rejected("the state is not good, or the verifier not its own")),
            }
        }
    })
}
