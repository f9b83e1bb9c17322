//! Passkeys (Web Authentication Level 3): the options for browsers, and the verification of what they return.
//!
//! Nothing here knows about accounts or the database. The steps of §7.1 (registration) and §7.2 (authentication) of
//! <https://www.w3.org/TR/webauthn-3/> are in `registration.rs` and `authentication.rs`. User verification is always
//! required: the authenticator has checked the owner's fingerprint, face or PIN, so one passkey counts as two factors.

mod authentication;
mod authenticator_data;
mod client_data;
mod encoding;
mod options;
mod public_key;
mod registration;
mod relying_party;

pub use authentication::{Assertion, ClaimedCredential, StoredKey, verify_authentication};
pub use options::{CreationOptions, KnownCredential, request_options};
pub use registration::{NewCredential, verify_registration};
pub use relying_party::RelyingParty;

/// The reasons why a credential is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// The JSON is not what `PublicKeyCredential.toJSON` returns, or its bytes do not follow the specification.
    Malformed,
    /// The credential was made for another operation: to register rather than to authenticate, or the reverse.
    Type,
    /// The credential was made for another challenge.
    Challenge,
    /// The credential was made on a page of another origin.
    Origin,
    /// The credential was made in a frame of a page of another origin.
    CrossOrigin,
    /// The credential belongs to another relying party.
    RelyingParty,
    /// The user was not present, or not verified.
    User,
    /// The backup flags contradict each other, or those of the registration.
    Backup,
    /// The algorithm of the key was not offered.
    Algorithm,
    /// The attestation statement has a format that was not requested, or its signature is wrong.
    Attestation,
    /// The signature is wrong.
    Signature,
    /// The counter of a device-bound key did not increase, so the key may have been copied.
    Counter,
}
