//! Passkeys (`WebAuthn`): key pairs with which people sign in, sign up and prove a second factor.
//!
//! The module `webauthn` verifies what browsers send. A passkey is always used with user verification, so it counts as
//! two factors and is enough to sign in. If an account has a passkey, a sign-in by any other method also needs a second
//! factor (see `sessions/open.rs`).

mod authenticator_names;
mod finish_passkey_enrolment;
mod new_passkey;
mod passkey_login;
mod passkey_name;
mod passkey_signup;
mod remove_passkey;
mod rename_passkey;
mod start_passkey_enrolment;
mod start_passkey_login;
mod start_passkey_signup;

pub use finish_passkey_enrolment::{
    FinishPasskeyEnrolmentRefusal, PasskeyEnrolled, finish_passkey_enrolment,
};
pub use passkey_login::{PasskeyLoginRefusal, passkey_login};
pub use passkey_signup::{PasskeySignupRefusal, passkey_signup};
pub use remove_passkey::{RemovePasskeyRefusal, remove_passkey};
pub use rename_passkey::{RenamePasskeyRefusal, rename_passkey};
pub use start_passkey_enrolment::{StartPasskeyEnrolmentRefusal, start_passkey_enrolment};
pub use start_passkey_login::{PasskeysNotEnabled, start_passkey_login};
pub use start_passkey_signup::{PasskeySignupInput, StartPasskeySignupRefusal, start_passkey_signup};

use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

/// A ceremony that has started: an exchange in which a browser creates or uses a passkey.
#[derive(Clone, Debug)]
pub struct PasskeyCeremony {
    /// The ID to send with the credential.
    pub id: Uuid,
    /// The options for the browser.
    pub options: Json,
    /// The time until the ceremony expires.
    pub expires_in: Duration,
}
