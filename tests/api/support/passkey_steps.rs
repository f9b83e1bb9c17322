//! The steps of users with passkeys.

use serde_json::{Value, json};

use super::{
    SIGN_IN, SignedIn, TestApp,
    passkeys::{Algorithm, SecurityKey},
    second_factors::SECOND_FACTOR,
};

/// The origin of the page on which people use their passkeys. In development, every port of this machine is allowed.
pub const ORIGIN: &str = "http://localhost:8000";

const CEREMONY: &str = "__typename ... on PasskeyCeremony { id options expiresIn }
    ... on UserError { code message fields { field code } }";

impl TestApp {
    pub async fn start_passkey_login(&self) -> Value {
        let query = format!("mutation {{ startPasskeyLogin {{ {CEREMONY} }} }}");
        self.run(&query, json!({})).await.data("startPasskeyLogin")
    }

    pub async fn passkey_login(&self, id: &Value, credential: &Value) -> Value {
        let query = format!(
            "mutation($id: ID!, $credential: JSON!) {{ passkeyLogin(id: $id, credential: $credential) {{
                {SIGN_IN} {SECOND_FACTOR} ... on EmailChallenge {{ id email }} }} }}"
        );
        self.run(&query, json!({ "id": id, "credential": credential })).await.data("passkeyLogin")
    }

    /// Signs in with a passkey that the authenticator offers, and returns the response.
    pub async fn sign_in_by_passkey(&self, key: &mut SecurityKey) -> Value {
        let started = self.start_passkey_login().await;
        let credential = key.authenticate(&started["options"], ORIGIN);
        self.passkey_login(&started["id"], &credential).await
    }

    pub async fn start_passkey_signup(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: PasskeySignupInput!) {{ startPasskeySignup(input: $input) {{ {CEREMONY} }} }}"
        );
        self.run(&query, json!({ "input": input })).await.data("startPasskeySignup")
    }

    pub async fn passkey_signup(&self, id: &Value, credential: &Value) -> Value {
        let query = format!(
            "mutation($id: ID!, $credential: JSON!) {{ passkeySignup(id: $id, credential: $credential) {{
                {SIGN_IN} ... on EmailChallenge {{ id email }} }} }}"
        );
        self.run(&query, json!({ "id": id, "credential": credential })).await.data("passkeySignup")
    }

    /// Signs up without a password, and returns the response.
    pub async fn sign_up_by_passkey(&self, input: Value) -> (Value, SecurityKey) {
        let mut key = SecurityKey::new(Algorithm::Es256);
        let started = self.start_passkey_signup(input).await;
        assert_eq!(started["__typename"], "PasskeyCeremony", "{started}");
        let credential = key.register(&started["options"], ORIGIN);
        (self.passkey_signup(&started["id"], &credential).await, key)
    }

    pub async fn start_passkey_enrolment(&self, access_token: &str) -> Value {
        let query = format!("mutation {{ startPasskeyEnrolment {{ {CEREMONY} }} }}");
        self.run_as(access_token, &query, json!({})).await.data("startPasskeyEnrolment")
    }

    pub async fn finish_passkey_enrolment(
        &self,
        access_token: &str,
        id: &Value,
        credential: &Value,
        name: Option<&str>,
    ) -> Value {
        let query = "mutation($id: ID!, $credential: JSON!, $name: String) {
            finishPasskeyEnrolment(id: $id, credential: $credential, name: $name) { __typename
            ... on PasskeyEnrolled { recoveryCodes endedSessionIds
                passkey { id name isSynced createdAt lastUsedAt } user { id secondFactors recoveryCodesLeft } }
            ... on UserError { code message } } }";
        let variables = json!({ "id": id, "credential": credential, "name": name });
        self.run_as(access_token, query, variables).await.data("finishPasskeyEnrolment")
    }

    /// Adds a passkey with an access token that is fresh enough. Returns the response too.
    pub async fn add_passkey(&self, access_token: &str) -> (Value, SecurityKey) {
        let mut key = SecurityKey::new(Algorithm::Es256);
        let started = self.start_passkey_enrolment(access_token).await;
        assert_eq!(started["__typename"], "PasskeyCeremony", "{started}");
        let credential = key.register(&started["options"], ORIGIN);
        let added = self.finish_passkey_enrolment(access_token, &started["id"], &credential, None).await;
        assert_eq!(added["__typename"], "PasskeyEnrolled", "{added}");
        (added, key)
    }

    /// Signs up a user with a password whose address is proven, and adds the first passkey. Returns an access token
    /// that records a proof with the passkey.
    pub async fn sign_up_with_passkey(&self, email: &str) -> (SignedIn, SecurityKey, String) {
        let person = self.sign_up_proven(email).await;
        let token = self.step_up_by_email(&person.access_token, email).await;
        let (_, mut key) = self.add_passkey(&token).await;
        let token = self.step_up_by_passkey(&token, &mut key).await;
        (person, key, token)
    }

    /// Reauthenticates with a passkey, and returns the new access token.
    pub async fn step_up_by_passkey(&self, access_token: &str, key: &mut SecurityKey) -> String {
        let query =
            "mutation { startReauthentication { ... on Reauthentication { id methods passkeyOptions } } }";
        let begun = self.run_as(access_token, query, json!({})).await.data("startReauthentication");
        let credential = key.authenticate(&begun["passkeyOptions"], ORIGIN);
        let done = self.reauthenticate(access_token, &begun["id"], json!({ "passkey": credential })).await;
        done["accessToken"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
    }

    /// Answers a second-factor challenge with a passkey.
    pub async fn verify_passkey(&self, challenge: &Value, key: &mut SecurityKey) -> Value {
        let credential = key.authenticate(&challenge["passkeyOptions"], ORIGIN);
        self.verify_second_factor(&challenge["id"], json!({ "passkey": credential })).await
    }

    pub async fn rename_passkey(&self, access_token: &str, id: &Value, name: &str) -> Value {
        let query = "mutation($id: ID!, $name: String!) { renamePasskey(id: $id, name: $name) { __typename
            ... on Passkey { id name } ... on UserError { code fields { field code } } } }";
        let variables = json!({ "id": id, "name": name });
        self.run_as(access_token, query, variables).await.data("renamePasskey")
    }

    pub async fn remove_passkey(&self, access_token: &str, id: &Value) -> Value {
        let query = "mutation($id: ID!) { removePasskey(id: $id) { __typename
            ... on User { secondFactors recoveryCodesLeft passkeys { id } } ... on UserError { code } } }";
        self.run_as(access_token, query, json!({ "id": id })).await.data("removePasskey")
    }

    /// Returns the passkeys of the viewer.
    pub async fn passkeys(&self, access_token: &str) -> Value {
        let query = "{ me { passkeys { id credentialId name isSynced lastUsedAt } } }";
        self.run_as(access_token, query, json!({})).await.data("me")["passkeys"].clone()
    }
}
