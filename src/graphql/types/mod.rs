//! The object types that more than one subject returns, each with the result union that it belongs to.

pub mod auth_payload;
pub mod email_challenge;
pub mod identity;
pub mod password_changed;
pub mod session;
pub mod user;
