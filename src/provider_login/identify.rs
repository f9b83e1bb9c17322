//! Identifying an account at a provider by the token or code that the provider gave to the client.

use secrecy::SecretString;

use super::start_provider_login::hash;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    providers::{Account, Provider, ProviderError},
    rate_limit::{Action, Address, Attempt},
    sessions::Client,
    storage::{Timestamp, authorization_request},
    telemetry::with_causes,
};

/// The ID of the provider Google.
pub const GOOGLE: &str = "google";

/// A credential from a sign-in provider.
#[derive(Clone, Debug)]
pub struct ProviderLoginInput {
    /// The ID of the provider.
    pub provider: String,
    /// The credential.
    pub proof: ProviderProof,
}

/// The token or code that the provider gave to the client.
#[derive(Clone, Debug)]
pub enum ProviderProof {
    /// An access token that was issued to the client.
    AccessToken(SecretString),
    /// An ID token that was issued to the client.
    IdToken {
        /// The token.
        id_token: SecretString,
        /// The nonce that the client sent to the provider.
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
    /// There is no such provider, or sign-in with it is disabled.
    NotEnabled,
    /// The provider rejects the input, or the sign-in was started elsewhere, has expired or is spent. The client cannot tell
    /// which.
    Rejected,
    /// The provider did not respond.
    Unavailable,
}

impl Refusal for IdentifyRefusal {}

/// Identifies an account at a provider. The attempt is charged to the client's address as a failure. Once the caller's own
/// operation has succeeded, the caller must report the success on the returned attempt.
pub(crate) async fn identify(
    app: &App,
    client: &Client,
    input: &ProviderLoginInput,
) -> Result<(Account, Attempt), Failure<IdentifyRefusal>> {
    let provider = app.providers.get(&input.provider).ok_or(IdentifyRefusal::NotEnabled)?;
    let address = Address::rationed(app, client.ip_address);
    let failures: Vec<_> = address.iter().map(Action::FailedProviderLogin).collect();
    let attempt = Attempt::begin(app, &failures, None).await?;
    let error = match ask(app, provider, &input.proof).await? {
        Ok(account) => return Ok((account, attempt)),
        Err(error) => error,
    };
    if let ProviderError::Rejected(reason) = error {
        tracing::info!(provider = provider.id(), reason, "a sign-in with a provider was refused");
        return Err(IdentifyRefusal::Rejected.into());
    }
    // the client is not charged for a failure of the provider
    attempt.refund(app).await?;
    match error {
        ProviderError::Busy => Err(Fault::Busy.into()),
        error => {
            tracing::warn!(
                provider = provider.id(),
                error = %with_causes(&error),
                "a sign-in provider could not identify the user"
            );
            Err(IdentifyRefusal::Unavailable.into())
        }
    }
}

async fn ask(
    app: &App,
    provider: &Provider,
    proof: &ProviderProof,
) -> Result<Result<Account, ProviderError>, Fault> {
    Ok(match proof {
        ProviderProof::AccessToken(token) => provider.by_access_token(token).await,
        ProviderProof::IdToken { id_token, nonce } => provider.by_id_token(id_token, nonce.as_deref()).await,
        ProviderProof::AuthorizationCode { code, state, code_verifier } => {
            // spent before the code is exchanged, so that only one of several concurrent requests exchanges it
            let (state_hash, challenge, now) = (hash(state), hash(code_verifier), Timestamp(app.clock.now()));
            let id = provider.id().to_owned();
            let spend =
                async move |txn| authorization_request::spend(&txn, state_hash, challenge, id, now).await;
            match app.db.write_one(spend).await? {
                Some(request) => {
                    let account = provider.by_code(code, code_verifier, &request.redirect_uri).await;
                    account.map(|account| named(account, request))
                }
                None => Err(ProviderError::Rejected(
                    "the state is unknown or expired, or the verifier does not match",
                )),
            }
        }
    })
}

/// Adds the name that the provider sent to the server earlier.
fn named(account: Account, request: authorization_request::Model) -> Account {
    Account {
        given_name: account.given_name.or(request.given_name),
        family_name: account.family_name.or(request.family_name),
        ..account
    }
}
