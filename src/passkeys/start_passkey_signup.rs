//! Starting a sign-up without a password.

use serde::{Deserialize, Serialize};

use super::{
    PasskeyCeremony,
    new_passkey::{TTL, creation_options},
};
use crate::{
    accounts::{NewAccountInput, SignupRefusal, check_passkey_signup},
    app::App,
    fault::{Failure, Refusal},
    input::FieldError,
    secrets,
    sessions::Client,
    storage::{
        Timestamp,
        passkey_ceremony::{self, Kind},
    },
};

/// The details of a new account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PasskeySignupInput {
    /// The email address.
    pub email: Option<String>,
    /// The username.
    pub username: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

impl From<PasskeySignupInput> for NewAccountInput {
    fn from(input: PasskeySignupInput) -> Self {
        let PasskeySignupInput { email, username, name, first_name, last_name } = input;
        Self { email, username, name, first_name, last_name, password: None, password_confirmation: None }
    }
}

/// The reasons why no sign-up starts.
#[derive(Debug)]
pub enum StartPasskeySignupRefusal {
    /// Sign-up is disabled.
    SignupNotEnabled,
    /// The server has no domain for passkeys.
    PasskeysNotEnabled,
    /// These fields are invalid, or contain a username or an email address that another account has.
    InvalidInput(Vec<FieldError>),
}

impl Refusal for StartPasskeySignupRefusal {}

impl From<SignupRefusal> for StartPasskeySignupRefusal {
    fn from(refusal: SignupRefusal) -> Self {
        match refusal {
            SignupRefusal::NotEnabled | SignupRefusal::PasskeySpent => Self::SignupNotEnabled,
            SignupRefusal::InvalidInput(errors) => Self::InvalidInput(errors),
        }
    }
}

/// Checks the details of a new account, and starts a ceremony in which the browser creates a passkey. This is charged as a
/// sign-up.
pub async fn start_passkey_signup(
    app: &App,
    client: &Client,
    input: PasskeySignupInput,
) -> Result<PasskeyCeremony, Failure<StartPasskeySignupRefusal>> {
    let account = serde_json::to_string(&input).ok();
    let user = check_passkey_signup(app, client, &input.into()).await.map_err(Failure::into_refusal)?;
    let (id, now) = (secrets::uuid_v4(), app.clock.now());
    let options = creation_options(app, id, &user, user.id, &[])
        .ok_or(StartPasskeySignupRefusal::PasskeysNotEnabled)?;
    let row = passkey_ceremony::Model {
        id,
        kind: Kind::Signup,
        user_id: None,
        user_handle: user.id,
        credentials_version: 0,
        account,
        expires_at: Timestamp(now + TTL),
        ended_at: None,
    };
    app.db.write_one(async move |txn| passkey_ceremony::insert(&txn, row).await).await?;
    Ok(PasskeyCeremony { id, options, expires_in: TTL })
}
