//! The settings of the server that a client's forms depend on.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use super::{
    numbers::length,
    types::{email_challenge::ChallengeMethod, identity::IdentityProvider},
    verification::EmailVerificationMode,
};
use crate::{
    app::App,
    config::ProviderConfig,
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
            passkey_rp_id: config.passkeys.relying_party.as_ref().map(|party| party.id.clone()),
            providers: config.providers.all.iter().map(SignInProvider::from).collect(),
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
    /// The domain that passkeys belong to (the RP ID). Null if the server does not support passkeys.
    passkey_rp_id: Option<String>,
    /// The sign-in providers, in the order in which to show them.
    providers: Vec<SignInProvider>,
}

/// A sign-in provider: a service whose accounts people can sign in with.
#[derive(SimpleObject)]
pub struct SignInProvider {
    /// The ID of the provider, for `startProviderLogin` and `ProviderLoginInput`.
    id: ID,
    /// The kind of provider.
    kind: IdentityProvider,
    /// The name of the provider, for the label of a button.
    name: String,
    /// The client ID of this server at the provider.
    client_id: String,
}

impl From<&ProviderConfig> for SignInProvider {
    fn from(provider: &ProviderConfig) -> Self {
        Self {
            id: provider.id.as_str().into(),
            kind: provider.kind.into(),
            name: provider.name.clone(),
            client_id: provider.client_id.clone(),
        }
    }
}
