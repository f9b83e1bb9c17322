//! Signing in by Google, and linking a Google account to one's own.
//!
//! An account here is known by (`iss`, `sub`), which Google never gives to another (OpenID Connect Core 1.0 §5.7), and never
//! by an address alone: addresses change hands. What an address may do is in `google_login.rs`.

mod account;
#[expect(clippy::module_inception, reason = "the verb is the subject's name")]
mod google_login;
mod identify;
mod link_google;
mod start_google_login;
mod unlink_google;

pub use google_login::{GoogleLoginRefusal, google_login};
pub(crate) use identify::identify;
pub use identify::{GoogleLoginInput, IdentifyRefusal};
pub use link_google::{LinkGoogleRefusal, link_google};
pub use start_google_login::{GoogleAuthorization, StartGoogleLoginRefusal, start_google_login};
pub use unlink_google::{UnlinkGoogleRefusal, unlink_google};
