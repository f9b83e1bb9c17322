//! Reauthentication: proving again, within a session, that the person who is acting is the session's user.

mod reauthenticate;
mod start_reauthentication;

pub use reauthenticate::{ReauthenticateRefusal, Reauthenticated, ReauthenticationProof, reauthenticate};
pub use start_reauthentication::{Reauthentication, StartReauthenticationRefusal, start_reauthentication};
