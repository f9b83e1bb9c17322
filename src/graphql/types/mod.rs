//! The object types that several subjects return, each with the union of results that contains it.

pub mod auth_payload;
pub mod email_challenge;
pub mod identity;
pub mod password_changed;
pub mod session;
pub mod user;
