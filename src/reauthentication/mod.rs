//! Reauthentication: proving once more, in a session, that it is still its user who acts.

mod reauthenticate;
mod start_reauthentication;

pub use reauthenticate::{ReauthenticateRefusal, Reauthenticated, ReauthenticationProof, reauthenticate};
pub use start_reauthentication::{Reauthentication, StartReauthenticationRefusal, start_reauthentication};
