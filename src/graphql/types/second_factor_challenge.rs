//! Sign-ins that await a second factor.

use async_graphql::{Enum, ID, SimpleObject};

use super::json::Json;
use crate::{app::App, graphql::numbers::whole_seconds, sessions, storage::user};

/// A request for a second factor, after the first proof was correct. The user is not signed in yet: call `verifySecondFactor`.
#[derive(SimpleObject)]
pub struct SecondFactorChallenge {
    /// The ID to send with the proof.
    id: ID,
    /// The methods that the user can use.
    methods: Vec<SecondFactorMethod>,
    /// The options for asking the browser for a passkey, to parse with `PublicKeyCredential.parseRequestOptionsFromJSON`. Null if
    /// the user has no passkey.
    passkey_options: Option<Json>,
    /// Seconds until the challenge expires.
    expires_in: i32,
}

impl SecondFactorChallenge {
    /// Converts a challenge.
    #[must_use]
    pub fn new(app: &App, challenge: sessions::SecondFactorChallenge) -> Self {
        Self {
            id: challenge.id.into(),
            passkey_options: challenge.passkey_options(app).map(Json),
            methods: challenge.methods.into_iter().map(Into::into).collect(),
            expires_in: whole_seconds(challenge.expires_in),
        }
    }
}

/// A method of proving a second factor. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "user::SecondFactorMethod")]
pub enum SecondFactorMethod {
    /// A passkey.
    Passkey,
    /// A code from an authenticator app (RFC 6238).
    Totp,
    /// A recovery code.
    RecoveryCode,
}
