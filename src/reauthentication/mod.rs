//! Reauthentication: a new proof within a session that its user is still the one acting.

mod reauthenticate;
mod start_reauthentication;

pub use reauthenticate::{ReauthenticateRefusal, Reauthenticated, ReauthenticationProof, reauthenticate};
pub use start_reauthentication::{Reauthentication, StartReauthenticationRefusal, start_reauthentication};
