//! Signing up without a password.

use serde_json::Value as Json;
use uuid::Uuid;

use super::{new_passkey::verify, start_passkey_signup::PasskeySignupInput};
use crate::{
    accounts::{SignupPasskey, SignupRefusal, signup_with_passkey},
    app::App,
    fault::{Failure, Refusal},
    input::FieldError,
    sessions::{Client, SignIn},
    storage::{
        Timestamp,
        passkey_ceremony::{self, Kind},
    },
};

/// The reasons why no account is created.
#[derive(Debug)]
pub enum PasskeySignupRefusal {
    /// Sign-up is disabled.
    NotEnabled,
    /// The ceremony is unknown, expired or spent. The client cannot tell which.
    InvalidToken,
    /// The browser's response is wrong.
    InvalidCredentials,
    /// Another account has taken the username or email address in the meantime.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for PasskeySignupRefusal {}

impl From<SignupRefusal> for PasskeySignupRefusal {
    fn from(refusal: SignupRefusal) -> Self {
        match refusal {
            SignupRefusal::NotEnabled => Self::NotEnabled,
            SignupRefusal::InvalidInput(errors) => Self::InvalidInput(errors),
            SignupRefusal::PasskeySpent => Self::InvalidToken,
        }
    }
}

/// Finishes a sign-up: creates the account with the passkey in a `RegistrationResponseJSON`, and signs in. If
/// verification is mandatory, requests a proof of the email address instead. The account then gets the passkey only if
/// the client sends the ID of the challenge with that proof.
pub async fn passkey_signup(
    app: &App,
    client: &Client,
    id: Uuid,
    credential: &Json,
) -> Result<SignIn, Failure<PasskeySignupRefusal>> {
    let now = Timestamp(app.clock.now());
    let found = passkey_ceremony::find_live(app.db.read(), id, Kind::Signup, now).await?;
    let ceremony = found.ok_or(PasskeySignupRefusal::InvalidToken)?;
    let details = ceremony.account.as_deref().unwrap_or_default();
    let input: PasskeySignupInput =
        serde_json::from_str(details).map_err(|_| PasskeySignupRefusal::InvalidToken)?;
    let passkey = verify(app, &ceremony, credential, None).ok_or(PasskeySignupRefusal::InvalidCredentials)?;
    let passkey = SignupPasskey { ceremony: id, passkey };
    signup_with_passkey(app, client, &input.into(), passkey).await.map_err(Failure::into_refusal)
}
