//! Signing in with Google, and linking Google accounts.
//!
//! A Google account is identified by (`iss`, `sub`). Google never assigns the same pair to another account (OpenID
//! Connect Core 1.0 §5.7). The account is never identified by its email address, because addresses change hands.
//! `google_login.rs` has the rules for addresses.

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
