//! GitHub, which speaks OAuth 2.0 without OpenID Connect: its API says who the person is.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Account, Provider, ProviderError};
use crate::input::EmailAddress;

/// The media type and the version of the API (<https://docs.github.com/rest>).
const MEDIA_TYPE: &str = "application/vnd.github+json";
const VERSION: &str = "2022-11-28";

#[derive(Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl Provider {
    /// Returns the account that an access token identifies. The caller has just received the token from GitHub. The email
    /// address is the account's primary one, which must be verified.
    pub(super) async fn github_account(
        &self,
        site: &str,
        api: &str,
        token: &SecretString,
    ) -> Result<Account, ProviderError> {
        let user: User = self.ask_github(&format!("{api}/user"), token).await?;
        let addresses: Vec<Address> = self.ask_github(&format!("{api}/user/emails"), token).await?;
        let primary = addresses.into_iter().find(|address| address.primary && address.verified);
        let primary =
            primary.ok_or(ProviderError::Rejected("GitHub has not verified the primary address"))?;
        let email = EmailAddress::parse(&primary.email)
            .map_err(|_| ProviderError::Rejected("the email address is not valid here"))?;
        Ok(Account {
            provider: self.config.id.clone(),
            issuer: site.to_owned(),
            // not the username, because usernames change hands
            subject: user.id.to_string(),
            email,
            is_verified: true,
            is_authoritative: false,
            name: user.name,
            given_name: None,
            family_name: None,
            picture: user.avatar_url,
        })
    }

    async fn ask_github<T: DeserializeOwned>(
        &self,
        url: &str,
        token: &SecretString,
    ) -> Result<T, ProviderError> {
        let request = self.http.get(url).bearer_auth(token.expose_secret());
        let request = request.header("accept", MEDIA_TYPE).header("x-github-api-version", VERSION);
        self.fetch(request.build()).await?.vouched_for("GitHub does not accept its own token")
    }
}
