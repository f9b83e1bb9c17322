//! Accounts that will be created once their email addresses are proven.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::App,
    secrets,
    storage::{Timestamp, challenge, identity, passkey, user},
    webauthn::NewCredential,
};

/// An account that is created once its email address is proven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    email: String,
    pub(super) username: Option<String>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    avatar_url: Option<String>,
    password_hash: Option<String>,
    /// A MAC of the password, with which a login can rule out most wrong passwords without computing a hash.
    #[serde(default)]
    password_mac: Option<u16>,
    identity: Option<RegisteredIdentity>,
    #[serde(default)]
    passkey: Option<RegisteredPasskey>,
}

/// The passkey with which the person registered, and with which they can sign in to the new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredPasskey {
    /// The user handle: the ID of the account on the authenticator.
    pub user_handle: Uuid,
    /// The credential that the browser created.
    pub credential: NewCredential,
    /// The name that its owner sees.
    pub name: String,
}

impl RegisteredPasskey {
    /// Returns the row that adds the passkey to this user.
    #[must_use]
    pub fn into_row(self, user_id: Uuid, created_at: Timestamp) -> passkey::Model {
        let Self { user_handle, credential, name } = self;
        passkey::Model {
            id: secrets::uuid_v7(created_at.0),
            user_id,
            user_handle,
            credential_id: credential.credential_id,
            public_key: credential.public_key,
            sign_count: credential.sign_count.into(),
            is_backup_eligible: credential.is_backup_eligible,
            is_backed_up: credential.is_backed_up,
            transports: credential.transports.join(","),
            name,
            created_at,
            last_used_at: None,
            removed_at: None,
            expires_at: None,
        }
    }
}

/// The provider's account with which the person registered, and with which they can sign in to the new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredIdentity {
    /// The ID of the provider. Registrations that version 0.1 stored have none.
    #[serde(default = "google")]
    pub provider: String,
    /// The provider's `iss`.
    pub issuer: String,
    /// The account's `sub` at the provider.
    pub subject: String,
    /// The email address of the provider's account.
    pub email: String,
}

impl RegisteredIdentity {
    /// Returns the row that links the identity to this user.
    #[must_use]
    pub fn into_row(self, user_id: Uuid, linked_at: Timestamp) -> identity::Model {
        let Self { provider, issuer, subject, email } = self;
        let id = secrets::uuid_v7(linked_at.0);
        identity::Model { id, user_id, provider, issuer, subject, email: Some(email), linked_at }
    }
}

/// Returns the ID of the only provider that version 0.1 supported.
fn google() -> String {
    "google".to_owned()
}

impl Registration {
    /// Returns a registration for the account in `row`, or `None` if it has no email address.
    #[must_use]
    pub fn of(row: user::Model) -> Option<Self> {
        let user::Model { email, username, name, first_name, last_name, avatar_url, password_hash, .. } = row;
        let email = email?;
        Some(Self {
            email,
            username,
            name,
            first_name,
            last_name,
            avatar_url,
            password_hash,
            password_mac: None,
            identity: None,
            passkey: None,
        })
    }

    /// Adds a MAC of the password, for [`Registration::may_have`].
    #[must_use]
    pub fn recognising(mut self, app: &App, password: &SecretString) -> Self {
        let mac = |hash: &String| app.tokens.password_mac(hash, password);
        self.password_mac = self.password_hash.as_ref().map(mac);
        self
    }

    /// Returns whether this may be the password. One wrong password in 65,536 also passes, so only `password_hash` can
    /// decide.
    #[must_use]
    pub fn may_have(&self, app: &App, password: &SecretString) -> bool {
        match (&self.password_hash, self.password_mac) {
            (Some(hash), Some(mac)) => app.tokens.is_password_mac(mac, hash, password),
            // written by an earlier version, which stored no MAC
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Returns a registration with only an email address.
    #[must_use]
    pub fn empty(email: String) -> Self {
        Self {
            email,
            username: None,
            name: None,
            first_name: None,
            last_name: None,
            avatar_url: None,
            password_hash: None,
            password_mac: None,
            identity: None,
            passkey: None,
        }
    }

    /// Adds the passkey with which the person can sign in to the new account.
    #[must_use]
    pub fn with_passkey(self, passkey: Option<RegisteredPasskey>) -> Self {
        Self { passkey, ..self }
    }

    /// Adds the provider's account with which the person can sign in to the new account.
    #[must_use]
    pub fn by(self, identity: RegisteredIdentity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Reads the registration that a challenge contains, if there is one.
    #[must_use]
    pub fn read(challenge: &challenge::Model) -> Option<Self> {
        serde_json::from_str(challenge.registration.as_deref()?).ok()
    }

    /// Returns the hash of the chosen password.
    #[must_use]
    pub fn password_hash(&self) -> Option<&str> {
        self.password_hash.as_deref()
    }

    /// Returns the provider's account with which the person can sign in to the new account.
    #[must_use]
    pub fn identity(&self) -> Option<&RegisteredIdentity> {
        self.identity.as_ref()
    }

    /// Returns the passkey with which the person can sign in to the new account.
    #[must_use]
    pub fn passkey(&self) -> Option<&RegisteredPasskey> {
        self.passkey.as_ref()
    }

    /// Removes the password, the provider's account and the passkey, so that none of them can be used to sign in to the
    /// new account.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        Self { password_hash: None, password_mac: None, identity: None, passkey: None, ..self }
    }

    /// Returns the row of the new account, with its email address proven at `now`.
    #[must_use]
    pub fn into_row(self, email_key: String, now: Timestamp) -> user::Model {
        user::Model {
            email: Some(self.email),
            email_key: Some(email_key),
            email_verified_at: Some(now),
            username_key: self.username.as_ref().map(|username| username.to_ascii_lowercase()),
            username: self.username,
            name: self.name,
            first_name: self.first_name,
            last_name: self.last_name,
            avatar_url: self.avatar_url,
            password_hash: self.password_hash,
            ..user::Model::new(secrets::uuid_v7(now.0), now)
        }
    }
}
