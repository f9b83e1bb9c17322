//! The settings of the server that a client's forms depend on.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};

use super::{numbers::length, types::email_challenge::ChallengeMethod, verification::EmailVerificationMode};
use crate::{
    app::App,
    input::{PASSWORD_MAX_LENGTH, USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH},
};

/// The query for the settings.
#[derive(Default)]
pub struct AuthSettingsQuery;

#[Object]
impl AuthSettingsQuery {
    /// The settings that sign-in and sign-up forms depend on.
    async fn auth_settings(&self, ctx: &Context<'_>) -> AuthSettings {
        let config = &ctx.data_unchecked::<Arc<App>>().config;
        AuthSettings {
            signup_enabled: config.sign_up.signup,
            email_required: config.sign_up.email_required,
            email_verification: config.sign_up.email_verification.into(),
            email_verification_method: config.sign_up.email_verification_method.into(),
            otp_length: config.codes.otp_length.into(),
            password_min_length: length(config.passwords.password_min_length),
            password_max_length: length(PASSWORD_MAX_LENGTH),
            username_min_length: length(USERNAME_MIN_LENGTH),
            username_max_length: length(USERNAME_MAX_LENGTH),
            google_client_id: config.google.as_ref().map(|google| google.client_id.clone()),
        }
    }
}

/// The settings that sign-in and sign-up forms depend on.
#[derive(SimpleObject)]
pub struct AuthSettings {
    /// Whether people can sign up.
    signup_enabled: bool,
    /// Whether a new account must have an email address. If false, a username is enough.
    email_required: bool,
    /// Whether and when an email address must be verified.
    email_verification: EmailVerificationMode,
    /// How an email address is verified: by code or by link.
    email_verification_method: ChallengeMethod,
    /// The number of digits in an emailed code.
    otp_length: i32,
    /// The minimum length of a password, in characters.
    password_min_length: i32,
    /// The maximum length of a password, in characters.
    password_max_length: i32,
    /// The minimum length of a username, in characters.
    username_min_length: i32,
    /// The maximum length of a username, in characters.
    username_max_length: i32,
    /// The client ID for Google sign-in. Null if Google sign-in is disabled.
    google_client_id: Option<String>,
}
