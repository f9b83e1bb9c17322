//! Sessions: signing in, staying signed in, and signing out.

mod client;
mod client_hash;
mod current_password;
mod login;
mod logout;
mod logout_all;
mod open;
mod passkey_options;
mod refresh;
mod revoke_session;
mod second_factor_challenge;
mod session_events;
mod sign_in;
mod signed_in;
mod step_up;
mod stolen;
mod viewer;

pub use client::Client;
pub use current_password::{check_current_password, parse_current_password, try_password};
pub use login::{LoginInput, LoginRefusal, login};
pub use logout::logout;
pub use logout_all::logout_all;
pub use open::{Link, OpenedSession, Opening, PendingSession, UsedPasskey};
pub use passkey_options::passkey_options;
pub use refresh::{RefreshRefusal, refresh};
pub use revoke_session::revoke_session;
pub use second_factor_challenge::{SecondFactorChallenge, usable_methods, usable_passkeys};
pub use session_events::session_events;
pub use sign_in::{SignInRefusal, sign_in};
pub use signed_in::{SignIn, SignedIn};
pub use step_up::{ReauthenticationRequired, SteppedUp, step_up, step_up_by_email};
pub use viewer::{Unauthenticated, Viewer, ViewerClaim, must_enroll, viewer};
