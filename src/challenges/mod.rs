//! Challenges: emails that prove an email address, and the requests that wait for the proof.
//!
//! A request that names an email address gets the same response in the same time, whether or not an account has the address.
//! In both cases, the request reads the same rows and writes the same two. Later, `outbox/compose.rs` decides what the email
//! says, and whether one is sent at all.

mod issue;
mod lock;
mod permit;
mod registration;

pub use issue::{About, Challenge, IssuedChallenge, unmailed};
pub use lock::{Locked, lock};
pub use permit::{Asker, MailPermit, charge, restore};
pub use registration::{RegisteredIdentity, RegisteredPasskey, Registration};
