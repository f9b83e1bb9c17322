//! Signing in with an account at a sign-in provider, and linking such accounts.
//!
//! An account is identified by (`iss`, `sub`). A provider never assigns the same pair to another account (OpenID Connect
//! Core 1.0 §5.7). The account is never identified by its email address, because addresses change hands.
//! `provider_login.rs` has the rules for addresses.

mod account;
mod callback;
mod identify;
mod link_identity;
#[expect(clippy::module_inception, reason = "the verb is the subject's name")]
mod provider_login;
mod start_provider_login;
mod unlink_identity;

pub(crate) use account::{link_registered, usable_identities};
pub use callback::callback;
pub(crate) use identify::identify;
pub use identify::{GOOGLE, IdentifyRefusal, ProviderLoginInput, ProviderProof};
pub use link_identity::{LinkIdentityRefusal, link_identity};
pub use provider_login::{ProviderLoginRefusal, provider_login};
pub use start_provider_login::{ProviderAuthorization, StartProviderLoginRefusal, start_provider_login};
pub use unlink_identity::{UnlinkIdentityRefusal, unlink_identity};
