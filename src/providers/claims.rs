//! What a provider says about a person.

use serde::Deserialize;
use serde_json::Value;

/// The claims about a person in an ID token or from the userinfo endpoint (OpenID Connect Core 1.0 §5.1), including Google's
/// claim `hd` and Microsoft's claims `oid`, `tid` and `xms_edov`.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<Value>,
    pub(super) hd: Option<String>,
    pub(super) oid: Option<String>,
    pub(super) tid: Option<String>,
    pub(super) xms_edov: Option<Value>,
    pub(super) name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) picture: Option<String>,
}

impl Claims {
    /// Returns whether the claims have an email address.
    pub(super) fn has_address(&self) -> bool {
        self.email.is_some()
    }

    /// Takes the email address, and whatever else is missing, from other claims about the same person.
    pub(super) fn with_address_of(self, more: Self) -> Self {
        Self {
            email: more.email,
            email_verified: more.email_verified,
            name: self.name.or(more.name),
            given_name: self.given_name.or(more.given_name),
            family_name: self.family_name.or(more.family_name),
            picture: self.picture.or(more.picture),
            ..self
        }
    }
}
