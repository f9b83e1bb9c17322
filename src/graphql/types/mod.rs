//! The types that the resolvers of several subjects use, each with the union of results that contains it.

pub mod auth_payload;
pub mod email_challenge;
pub mod identity;
pub mod json;
pub mod login_link;
pub mod node;
pub mod passkey;
pub mod password_changed;
pub mod provider_login_input;
pub mod second_factor_challenge;
pub mod session;
pub mod sessions_ended;
pub mod user;
pub mod username_availability;
