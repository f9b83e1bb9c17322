//! Emailed sign-in links.

use async_graphql::{SimpleObject, Union};
use secrecy::ExposeSecret;

use crate::{
    graphql::{numbers::whole_seconds, refusal::UserError},
    verification,
};

/// An emailed sign-in link, for the page that it opens.
#[derive(SimpleObject)]
pub struct LoginLink {
    /// The email address that the link was sent to.
    pub email: String,
    /// The code from the same email, to enter where the link was requested.
    pub otp: String,
    /// Two digits that are also shown where the link was requested. Ask the user to compare them before confirming: if the other
    /// device shows different ones or none, someone else may be trying to sign in.
    pub confirmation_number: String,
    /// Whether the link was sent for the challenge whose ID was passed as `challengeId`, or for a challenge that replaced it.
    pub is_requested_here: bool,
    /// Whether the link was confirmed.
    pub is_confirmed: bool,
    /// Seconds until the link expires.
    pub expires_in: i32,
}

impl From<verification::LoginLink> for LoginLink {
    fn from(link: verification::LoginLink) -> Self {
        Self {
            email: link.email,
            otp: link.otp.expose_secret().to_owned(),
            confirmation_number: link.confirmation_number,
            is_requested_here: link.is_requested_here,
            is_confirmed: link.is_confirmed,
            expires_in: whole_seconds(link.expires_in),
        }
    }
}

/// The result of reading or confirming an emailed link.
#[derive(Union)]
pub enum ConfirmLoginLinkResult {
    /// The link, which is still valid.
    LoginLink(LoginLink),
    /// The request was refused.
    UserError(UserError),
}

/// The confirmation of an emailed link.
#[derive(SimpleObject)]
pub struct LoginLinkConfirmation {
    /// The code to sign in with: see `verifyOtp`.
    pub otp: String,
}
