//! The authorization code flow (RFC 6749 §4.1) with PKCE (RFC 7636), using the `oauth2` crate.

use std::borrow::Cow;

use futures_util::future::BoxFuture;
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Discovery, Google, GoogleAccount, GoogleError, credential};

/// A client of the code flow, with both endpoints set.
type CodeClient = Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenField, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The fields that OpenID Connect adds to the token endpoint's response (Core 1.0 §3.1.3.3).
#[derive(Debug, Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

impl Google {
    /// Returns the URL of Google's sign-in page. Google sends the person back to `redirect_uri` with a code
    /// and this `state`. The code works only together with `code_verifier`.
    pub async fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &SecretString,
        code_verifier: &SecretString,
    ) -> Result<Url, GoogleError> {
        let discovery = self.bounded(self.discovery()).await?;
        let verifier = PkceCodeVerifier::new(code_verifier.expose_secret().to_owned());
        let state = CsrfToken::new(state.expose_secret().to_owned());
        let (url, _) = self
            .code_client(&discovery)?
            .authorize_url(|| state)
            .add_scopes(["openid", "email", "profile"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .set_redirect_uri(redirect(redirect_uri)?)
            .url();
        Ok(url)
    }

    /// Returns the Google account of a code that was sent to `redirect_uri`.
    pub async fn by_code(
        &self,
        code: &SecretString,
        code_verifier: &SecretString,
        redirect_uri: &str,
    ) -> Result<GoogleAccount, GoogleError> {
        self.bounded(async {
            let code = AuthorizationCode::new(credential(code)?.to_owned());
            let verifier = PkceCodeVerifier::new(code_verifier.expose_secret().to_owned());
            let discovery = self.discovery().await?;
            let tokens = self
                .code_client(&discovery)?
                .exchange_code(code)
                .set_pkce_verifier(verifier)
                .set_redirect_uri(redirect(redirect_uri)?)
                .request_async(self)
                .await
                .map_err(refusal)?;
            let id_token = tokens.extra_fields().id_token.as_deref();
            let id_token =
                id_token.ok_or(GoogleError::Rejected("the response to the code has no ID token"))?;
            self.read_id_token(id_token, None).await
        })
        .await
    }

    fn code_client(&self, discovery: &Discovery) -> Result<CodeClient, GoogleError> {
        let secret = self.config.client_secret.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let auth = AuthUrl::new(discovery.authorization_endpoint.clone().into());
        let token = TokenUrl::new(discovery.token_endpoint.clone().into());
        Ok(Client::new(ClientId::new(self.config.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret.to_owned()))
            .set_auth_uri(auth.map_err(GoogleError::unavailable)?)
            .set_token_uri(token.map_err(GoogleError::unavailable)?))
    }
}

impl<'c> AsyncHttpClient<'c> for Google {
    type Error = GoogleError;
    type Future = BoxFuture<'c, Result<HttpResponse, GoogleError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let fetched = self.fetch(request.try_into()).await?;
            let mut answer = HttpResponse::new(fetched.body);
            *answer.status_mut() = fetched.status;
            Ok(answer)
        })
    }
}

fn redirect(uri: &str) -> Result<Cow<'static, RedirectUrl>, GoogleError> {
    RedirectUrl::new(uri.to_owned()).map(Cow::Owned).map_err(GoogleError::unavailable)
}

/// Converts an error of the crate. Its own text may contain the endpoint's response, with tokens in it, so it
/// is dropped.
fn refusal(error: RequestTokenError<GoogleError, BasicErrorResponse>) -> GoogleError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            BasicErrorResponseType::InvalidGrant => GoogleError::Rejected("the code is invalid"),
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                GoogleError::unavailable("Google does not accept GOOGLE_CLIENT_ID with GOOGLE_CLIENT_SECRET")
            }
            _ => GoogleError::unavailable("Google refused to exchange the code"),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            GoogleError::unavailable("the response has an unexpected form")
        }
    }
}
