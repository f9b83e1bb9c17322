//! Proving an address by the link that was mailed to it.

use super::prove::{By, ProofError, Prover, prove, require};
use crate::{
    app::App,
    config::ChallengeMethod,
    sessions::{Client, SignedIn, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
    },
};

/// Proves the address, and signs in.
///
/// # Errors
/// Why not.
pub async fn activate_account(
    app: &App,
    client: &Client,
    viewer: Option<&Viewer>,
    token: &str,
) -> Result<SignedIn, ProofError> {
    require(app, ChallengeMethod::Link)?;
    let purposes = [Purpose::VerifyEmail, Purpose::ChangeEmail];
    let read = |purpose| Some((purpose, app.tokens.read_link_token(purpose, token)?));
    let (purpose, id) = purposes.into_iter().find_map(read).ok_or(ProofError::Invalid)?;
    let challenge = challenge::find_live(app.db.read(), id, Timestamp(app.clock.now())).await?;
    let challenge = challenge.filter(|challenge| challenge.purpose == purpose).ok_or(ProofError::Invalid)?;
    prove(app, Prover { client, viewer }, challenge, By::Mail).await
}
