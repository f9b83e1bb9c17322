//! The part specific to Google: access tokens that can be checked.

use secrecy::SecretString;
use serde::Deserialize;

use super::{Account, Provider, ProviderError, claims::Claims, credential};
use crate::config::ProviderEndpoints;

/// The tokeninfo endpoint's response about an access token.
#[derive(Debug, Deserialize)]
struct TokenInfo {
    aud: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
}

impl Provider {
    /// Returns the account that an access token identifies, provided the token was issued to us and covers the email
    /// address. The token's other scopes do not matter. Tokens that were issued to other clients are refused, because
    /// every site where a person signs in with Google has a token that identifies the person.
    pub async fn by_access_token(&self, token: &SecretString) -> Result<Account, ProviderError> {
        let ProviderEndpoints::Discovery { tokeninfo: Some(tokeninfo), .. } = &self.config.endpoints else {
            return Err(ProviderError::Rejected("only Google's access tokens can be checked"));
        };
        self.bounded(async {
            let token = credential(token)?;
            // in a header, because proxies and servers log URLs
            let info = self.http.post(tokeninfo.clone()).bearer_auth(token);
            let info: TokenInfo =
                self.fetch(info.build()).await?.vouched_for("the access token is invalid")?;
            let ours = Some(self.config.client_id.as_str());
            if info.aud.as_deref() != ours || info.azp.as_deref().is_some_and(|azp| Some(azp) != ours) {
                return Err(ProviderError::Rejected("the access token was issued to another client"));
            }
            // the scope has two names: https://developers.google.com/identity/protocols/oauth2/scopes
            let is_email =
                |scope| ["email", "https://www.googleapis.com/auth/userinfo.email"].contains(&scope);
            if !info.scope.unwrap_or_default().split(' ').any(is_email) {
                return Err(ProviderError::Rejected("the access token does not cover the email address"));
            }
            let discovery = self.discovery().await?;
            let endpoint = discovery.userinfo_endpoint.clone();
            let endpoint =
                endpoint.ok_or_else(|| ProviderError::unavailable("there is no userinfo endpoint"))?;
            let claims = self.http.get(endpoint).bearer_auth(token);
            let claims: Claims =
                self.fetch(claims.build()).await?.vouched_for("the access token is invalid")?;
            if info.sub.is_some_and(|sub| sub != claims.sub) {
                return Err(ProviderError::Rejected("tokeninfo and userinfo describe different people"));
            }
            self.account(&discovery.issuer, claims)
        })
        .await
    }
}
