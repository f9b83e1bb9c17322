//! Challenges: emails with a code or link that proves an email address, and the requests that wait for this proof.
//!
//! A request that names an email address gets the same response in the same time, whether or not an account has the
//! address. In both cases, the server runs the same queries and writes the same two rows. Only later does
//! `outbox/compose.rs` decide what the email says, and whether an email is sent at all.

mod issue;
mod lock;
mod permit;
mod registration;

pub use issue::{About, Challenge, IssuedChallenge, unmailed};
pub use lock::{Locked, lock};
pub use permit::{Asker, MailPermit, charge, restore};
pub use registration::{RegisteredIdentity, RegisteredPasskey, Registration};
