//! The authorization code flow (RFC 6749 §4.1) with PKCE (RFC 7636), using the `oauth2` crate.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse,
    TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Account, Provider, ProviderError, apple, claims::Claims, credential};
use crate::config::{ClientAuthentication, ProviderEndpoints, ProviderKind};

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

/// The endpoints of the code flow.
struct Endpoints {
    authorization: String,
    token: String,
    issuer: String,
}

impl Provider {
    /// Returns the URL of the provider's sign-in page. The provider sends the person back to `redirect_uri` with a code
    /// and this `state`. The code works only together with `code_verifier`.
    pub async fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &SecretString,
        code_verifier: &SecretString,
    ) -> Result<Url, ProviderError> {
        let endpoints = self.bounded(self.endpoints()).await?;
        let verifier = PkceCodeVerifier::new(code_verifier.expose_secret().to_owned());
        let state = CsrfToken::new(state.expose_secret().to_owned());
        let client = self.code_client(&endpoints, None)?;
        // ties the ID token to this browser even if the provider does not check the PKCE verifier (RFC 9700 §2.1.1)
        let nonce = nonce(code_verifier);
        let mut request = client
            .authorize_url(|| state)
            .add_scopes(self.config.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .set_redirect_uri(redirect(self.return_address(redirect_uri))?);
        if self.config.kind != ProviderKind::GitHub {
            request = request.add_extra_param("nonce", nonce);
        }
        if self.config.kind == ProviderKind::Apple {
            // Apple sends a name and an address only in this mode
            request = request.add_extra_param("response_mode", "form_post");
        }
        Ok(request.url().0)
    }

    /// Exchanges an authorization code, which was sent to an app at `redirect_uri`, for the account at the provider.
    pub async fn by_code(
        &self,
        code: &SecretString,
        code_verifier: &SecretString,
        redirect_uri: &str,
    ) -> Result<Account, ProviderError> {
        self.bounded(async {
            let code = AuthorizationCode::new(credential(code)?.to_owned());
            let verifier = PkceCodeVerifier::new(code_verifier.expose_secret().to_owned());
            let endpoints = self.endpoints().await?;
            let secret = self.client_secret(&endpoints.issuer)?;
            let tokens = self
                .code_client(&endpoints, Some(&secret))?
                .exchange_code(code)
                .set_pkce_verifier(verifier)
                .set_redirect_uri(redirect(self.return_address(redirect_uri))?)
                .request_async(self)
                .await
                .map_err(refusal)?;
            let access_token = SecretString::from(tokens.access_token().secret().to_owned());
            if let ProviderEndpoints::GitHub { site, api } = &self.config.endpoints {
                return self.github_account(site, api, &access_token).await;
            }
            let id_token = tokens.extra_fields().id_token.as_deref();
            let id_token = id_token.ok_or(ProviderError::Rejected("the token response has no ID token"))?;
            let (issuer, claims) = self.claims(id_token, Some(&nonce(code_verifier))).await?;
            self.account(&issuer, self.completed(claims, &access_token).await?)
        })
        .await
    }

    /// Returns the claims with the address, which some providers return only from the userinfo endpoint.
    async fn completed(&self, claims: Claims, access_token: &SecretString) -> Result<Claims, ProviderError> {
        let endpoint = self.discovery().await?.userinfo_endpoint.clone();
        let Some(endpoint) = endpoint.filter(|_| !claims.has_address()) else { return Ok(claims) };
        let request = self.http.get(endpoint).bearer_auth(access_token.expose_secret());
        let more: Claims =
            self.fetch(request.build()).await?.vouched_for("the provider does not accept its own token")?;
        // OpenID Connect Core 1.0 §5.3.2
        if more.sub != claims.sub {
            return Err(ProviderError::Rejected("the ID token and userinfo describe different people"));
        }
        Ok(claims.with_address_of(more))
    }

    async fn endpoints(&self) -> Result<Endpoints, ProviderError> {
        Ok(match &self.config.endpoints {
            ProviderEndpoints::Discovery { .. } => {
                let discovery = self.discovery().await?;
                Endpoints {
                    authorization: discovery.authorization_endpoint.clone().into(),
                    token: discovery.token_endpoint.clone().into(),
                    issuer: discovery.issuer.clone(),
                }
            }
            ProviderEndpoints::GitHub { site, .. } => Endpoints {
                authorization: format!("{site}/login/oauth/authorize"),
                token: format!("{site}/login/oauth/access_token"),
                issuer: site.clone(),
            },
        })
    }

    fn client_secret(&self, issuer: &str) -> Result<SecretString, ProviderError> {
        match &self.config.secret {
            ClientAuthentication::None => Ok(SecretString::default()),
            ClientAuthentication::Secret(secret) => Ok(secret.clone()),
            ClientAuthentication::SignedByKey { team_id, key_id, private_key } => apple::client_secret(
                &self.config.client_id,
                (team_id, key_id, private_key),
                issuer,
                self.clock.now().unix_timestamp(),
            ),
        }
    }

    fn code_client(
        &self,
        endpoints: &Endpoints,
        secret: Option<&SecretString>,
    ) -> Result<CodeClient, ProviderError> {
        let secret = secret.map(ExposeSecret::expose_secret).unwrap_or_default();
        let (auth, token) =
            (AuthUrl::new(endpoints.authorization.clone()), TokenUrl::new(endpoints.token.clone()));
        // the documentation of Apple and GitHub mentions only credentials in the request body
        let authentication = match self.config.kind {
            ProviderKind::Apple | ProviderKind::GitHub => AuthType::RequestBody,
            ProviderKind::Google | ProviderKind::Microsoft | ProviderKind::Oidc => AuthType::BasicAuth,
        };
        Ok(Client::new(ClientId::new(self.config.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret.to_owned()))
            .set_auth_type(authentication)
            .set_auth_uri(auth.map_err(ProviderError::unavailable)?)
            .set_token_uri(token.map_err(ProviderError::unavailable)?))
    }
}

impl<'c> AsyncHttpClient<'c> for Provider {
    type Error = ProviderError;
    type Future = BoxFuture<'c, Result<HttpResponse, ProviderError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let fetched = self.fetch(request.try_into()).await?;
            let mut answer = HttpResponse::new(fetched.body);
            *answer.status_mut() = fetched.status;
            Ok(answer)
        })
    }
}

/// Returns the nonce of the flow with this verifier. Until the code is exchanged, only the browser and this server know
/// the verifier.
fn nonce(code_verifier: &SecretString) -> String {
    let text = format!("nonce {}", code_verifier.expose_secret());
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn redirect(uri: &str) -> Result<Cow<'static, RedirectUrl>, ProviderError> {
    RedirectUrl::new(uri.to_owned()).map(Cow::Owned).map_err(ProviderError::unavailable)
}

/// Converts an error of the `oauth2` crate. The error's own text may contain the endpoint's response, including tokens,
/// so the text is dropped.
fn refusal(error: RequestTokenError<ProviderError, BasicErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            BasicErrorResponseType::InvalidGrant => ProviderError::Rejected("the code is invalid"),
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                ProviderError::unavailable(
                    "the provider does not accept the client ID with the client secret",
                )
            }
            _ => ProviderError::unavailable("the provider refused to exchange the code"),
        },
        // GitHub reports errors with a success status
        RequestTokenError::Parse(_, answer) if is_bad_code(&answer) => {
            ProviderError::Rejected("the code is invalid")
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::unavailable("the response has an unexpected form")
        }
    }
}

fn is_bad_code(answer: &[u8]) -> bool {
    let error = serde_json::from_slice::<BasicErrorResponse>(answer);
    error.is_ok_and(|error| error.error().as_ref() == "bad_verification_code")
}
