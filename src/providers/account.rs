//! The account that a token or code identifies at a provider.

use super::{Provider, ProviderError, addresses, claims::Claims};
use crate::{config::ProviderKind, input::EmailAddress};

/// An account at a provider. The person who is signing in has just proven that they own it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The ID of the provider.
    pub provider: String,
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `sub`. Together with `issuer`, it identifies the account forever, whatever else changes.
    pub subject: String,
    /// The email address.
    pub email: EmailAddress,
    /// Whether the provider says that it verified the address at some point. If it does not say so, only Microsoft accounts
    /// are accepted.
    pub is_verified: bool,
    /// Whether the provider decides who has this address now. If it does, its word counts as a proof of the address. Only
    /// Google decides this, and only for some addresses.
    pub is_authoritative: bool,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
}

impl Provider {
    pub(super) fn account(&self, issuer: &str, claims: Claims) -> Result<Account, ProviderError> {
        let is_verified = addresses::is_verified(self.config.kind, &claims);
        let verified = claims
            .email
            .as_deref()
            .filter(|_| is_verified != Some(false))
            .ok_or(ProviderError::Rejected("the provider has not verified the address"))?;
        let email = EmailAddress::parse(verified)
            .map_err(|_| ProviderError::Rejected("the email address is not valid here"))?;
        let subject = match self.config.kind {
            ProviderKind::Microsoft => {
                claims.oid.clone().ok_or(ProviderError::Rejected("there is no `oid`"))?
            }
            _ => claims.sub.clone(),
        };
        // OpenID Connect Core 1.0 §2
        if subject.is_empty() || subject.len() > 255 {
            return Err(ProviderError::Rejected("there is no `sub`"));
        }
        let is_authoritative = addresses::is_decided(self.config.kind, &claims, &email);
        Ok(Account {
            provider: self.config.id.clone(),
            issuer: issuer.to_owned(),
            subject,
            email,
            is_verified: is_verified == Some(true),
            is_authoritative,
            name: claims.name,
            given_name: claims.given_name,
            family_name: claims.family_name,
            picture: claims.picture,
        })
    }
}
