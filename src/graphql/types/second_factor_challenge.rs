//! Sign-ins that await a second factor.

use async_graphql::{Enum, ID, SimpleObject};

use crate::{graphql::numbers::whole_seconds, sessions, storage::user};

/// The first proof was correct, and a second factor is required. Nobody is signed in yet: call `verifySecondFactor`.
#[derive(SimpleObject)]
pub struct SecondFactorChallenge {
    /// The ID to send with the proof.
    id: ID,
    /// The methods that the user can use.
    methods: Vec<SecondFactorMethod>,
    /// Seconds until the challenge expires.
    expires_in: i32,
}

impl From<sessions::SecondFactorChallenge> for SecondFactorChallenge {
    fn from(challenge: sessions::SecondFactorChallenge) -> Self {
        Self {
            id: challenge.id.into(),
            methods: challenge.methods.into_iter().map(Into::into).collect(),
            expires_in: whole_seconds(challenge.expires_in),
        }
    }
}

/// A method of proving a second factor. New values may be added, so handle unknown ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "user::SecondFactorMethod")]
pub enum SecondFactorMethod {
    /// A code from an authenticator app (RFC 6238).
    Totp,
    /// A recovery code.
    RecoveryCode,
}
