//! The claims that a provider makes about a person.

use serde_json::{Value, json};

use super::{CLIENT_ID, FakeProvider, TENANT};
use crate::config::ProviderKind;

/// Returns the people to choose from, each in the form of Google's claims. The first has an address at Google's own
/// domain, the second at a domain that Google hosts, and the others at a different domain. The address of the last
/// person is not verified.
#[must_use]
pub(super) fn people() -> [Value; 4] {
    [
        json!({
            "sub": "100000000000000000001", "email": "ada.lovelace@gmail.com", "email_verified": true,
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
        }),
        json!({
            "sub": "100000000000000000002", "email": "grace@navy.example", "email_verified": true, "hd": "navy.example",
            "name": "Grace Hopper", "given_name": "Grace", "family_name": "Hopper",
        }),
        json!({
            "sub": "100000000000000000003", "email": "mary@elsewhere.example", "email_verified": true,
            "name": "Mary Somerville", "given_name": "Mary", "family_name": "Somerville",
        }),
        json!({
            "sub": "100000000000000000004", "email": "eve@elsewhere.example", "email_verified": false,
            "name": "Eve (address not verified)", "given_name": "Eve", "family_name": null,
        }),
    ]
}

impl FakeProvider {
    /// Returns the claims of an ID token that is issued to a person now. `person` contains Google's claims about that
    /// person.
    #[must_use]
    pub fn claims(&self, person: &Value) -> Value {
        let now = self.0.clock.now().unix_timestamp();
        let mut claims = json!({ "iss": self.issuer(), "aud": CLIENT_ID, "iat": now, "exp": now + 3600 });
        let mut own = match self.0.kind {
            ProviderKind::Microsoft => {
                let sub = format!("pairwise-{}", person["sub"].as_str().unwrap_or_default());
                let mut own = json!({ "tid": TENANT, "oid": person["sub"], "sub": sub, "email": person["email"], "name": person["name"] });
                // an optional claim that says whether the domain of the email address belongs to the tenant
                if person["email_verified"] != true {
                    own["xms_edov"] = json!(false);
                }
                own
            }
            // Apple sends `email_verified` as a string, and never puts the person's name into the token
            ProviderKind::Apple => {
                let is_verified = person["email_verified"].to_string();
                json!({ "sub": person["sub"], "email": person["email"], "email_verified": is_verified })
            }
            ProviderKind::Google => {
                let mut own = person.clone();
                own["azp"] = json!(CLIENT_ID);
                own
            }
            // the userinfo endpoint returns the address and the name
            ProviderKind::Oidc => json!({ "sub": person["sub"] }),
            ProviderKind::GitHub => person.clone(),
        };
        if let (Some(claims), Some(own)) = (claims.as_object_mut(), own.as_object_mut()) {
            claims.append(own);
        }
        claims
    }

    /// Returns the response of Google's tokeninfo endpoint for a person's access token with the email scope.
    #[must_use]
    pub fn tokeninfo(person: &Value) -> Value {
        let scope = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile";
        // the endpoint writes numbers and booleans as strings
        json!({
            "azp": CLIENT_ID, "aud": CLIENT_ID, "sub": person["sub"], "scope": scope, "expires_in": "3599",
            "email": person["email"], "email_verified": person["email_verified"].to_string(),
        })
    }
}
