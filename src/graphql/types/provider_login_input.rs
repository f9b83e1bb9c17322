//! The credentials of a sign-in provider.

use async_graphql::{ID, InputObject, OneofObject};

use crate::provider_login;

/// A credential from a sign-in provider.
#[derive(InputObject)]
pub struct ProviderLoginInput {
    /// The ID of the provider: see `AuthSettings.providers`.
    provider: ID,
    /// The credential.
    proof: ProviderProof,
}

/// A credential from a provider. Give exactly one field.
#[derive(OneofObject)]
pub enum ProviderProof {
    /// An authorization code, from the flow that `startProviderLogin` started.
    AuthorizationCode(AuthorizationCodeInput),
    /// An ID token, from a native app or the provider's script, such as Google One Tap.
    IdToken(IdTokenInput),
    /// An access token issued to this server's client ID, with the scope `email`. Accepted only from Google, and never for a
    /// reauthentication, because an access token does not show that the user is present now.
    #[graphql(secret)]
    AccessToken(String),
}

/// A credential from Google. Give exactly one field.
#[derive(OneofObject)]
pub enum GoogleLoginInput {
    /// An access token issued to this server's client ID, with the scope `email`.
    #[graphql(secret)]
    AccessToken(String),
    /// An ID token, from Google One Tap or a native app.
    IdToken(IdTokenInput),
    /// An authorization code, from the flow that `startProviderLogin` started.
    AuthorizationCode(AuthorizationCodeInput),
}

/// An authorization code, with proof that the same browser started the flow.
#[derive(InputObject)]
pub struct AuthorizationCodeInput {
    /// The parameter `code` of the redirect.
    #[graphql(secret)]
    code: String,
    /// The parameter `state` of the redirect. It works once.
    #[graphql(secret)]
    state: String,
    /// The `codeVerifier` that `startProviderLogin` returned to this browser.
    #[graphql(secret)]
    code_verifier: String,
}

/// An ID token from a provider.
#[derive(InputObject)]
pub struct IdTokenInput {
    /// The ID token, issued to this server's client ID.
    #[graphql(secret)]
    id_token: String,
    /// The nonce that the client sent to the provider. The token must contain the same nonce. Null if the token contains no nonce.
    /// For a reauthentication, the nonce must be the ID of the `Reauthentication`.
    nonce: Option<String>,
}

impl From<ProviderLoginInput> for provider_login::ProviderLoginInput {
    fn from(input: ProviderLoginInput) -> Self {
        let proof = match input.proof {
            ProviderProof::AccessToken(token) => provider_login::ProviderProof::AccessToken(token.into()),
            ProviderProof::IdToken(token) => token.into(),
            ProviderProof::AuthorizationCode(code) => code.into(),
        };
        Self { provider: input.provider.0, proof }
    }
}

impl From<GoogleLoginInput> for provider_login::ProviderLoginInput {
    fn from(input: GoogleLoginInput) -> Self {
        let proof = match input {
            GoogleLoginInput::AccessToken(token) => ProviderProof::AccessToken(token),
            GoogleLoginInput::IdToken(token) => ProviderProof::IdToken(token),
            GoogleLoginInput::AuthorizationCode(code) => ProviderProof::AuthorizationCode(code),
        };
        ProviderLoginInput { provider: provider_login::GOOGLE.into(), proof }.into()
    }
}

impl From<IdTokenInput> for provider_login::ProviderProof {
    fn from(IdTokenInput { id_token, nonce }: IdTokenInput) -> Self {
        Self::IdToken { id_token: id_token.into(), nonce }
    }
}

impl From<AuthorizationCodeInput> for provider_login::ProviderProof {
    fn from(input: AuthorizationCodeInput) -> Self {
        Self::AuthorizationCode {
            code: input.code.into(),
            state: input.state.into(),
            code_verifier: input.code_verifier.into(),
        }
    }
}
