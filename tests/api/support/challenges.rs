//! The steps of users with codes and links from emails.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, SIGN_IN, SignedIn, TestApp, second_factors::SECOND_FACTOR};

pub const CHALLENGE: &str = "__typename ... on EmailChallenge { id purpose method email expiresIn resendIn } ... on UserError { code retryAfter fields { field code } }";

impl TestApp {
    /// Signs up with this password. With mandatory verification, returns the challenge.
    pub async fn register(&self, email: &str, password: &str) -> Value {
        let query = format!(
            "mutation($input: SignupInput!) {{ signup(input: $input) {{ {CHALLENGE} ... on AuthPayload {{ accessToken refreshToken session {{ id }} user {{ id }} emailChallenge {{ id purpose method email expiresIn resendIn }} }} }} }}"
        );
        let input = json!({ "email": email, "password": password });
        self.run(&query, json!({ "input": input })).await.data("signup")
    }

    /// Signs in, and returns the response, which may be a challenge.
    pub async fn challenged(&self, identifier: &str, password: &str) -> Value {
        let query = format!("mutation($input: LoginInput!) {{ login(input: $input) {{ {CHALLENGE} }} }}");
        let input = json!({ "identifier": identifier, "password": password });
        self.run(&query, json!({ "input": input })).await.data("login")
    }

    /// Returns the codes in the emails to this address, newest first.
    pub async fn codes(&self, email: &str) -> Vec<String> {
        let mails = self.inbox(email).await;
        mails.iter().filter_map(|mail| Some(mail.code.as_ref()?.expose_secret().to_owned())).collect()
    }

    /// Returns the code in the newest email to this address.
    pub async fn code(&self, email: &str) -> String {
        self.codes(email).await.swap_remove(0)
    }

    /// Returns the link in the newest email to this address.
    pub async fn link(&self, email: &str) -> String {
        let mails = self.inbox(email).await;
        let link = mails.iter().find_map(|mail| mail.link.as_ref());
        link.unwrap_or_else(|| panic!("no link for {email}")).expose_secret().to_owned()
    }

    /// Returns the token of the link in the newest email to this address.
    pub async fn token(&self, email: &str) -> String {
        self.link(email).await.split_once("#token=").unwrap().1.to_owned()
    }

    pub async fn verify(&self, email: &str, otp: &str, challenge_id: Option<&Value>) -> Value {
        self.verify_as("", email, otp, challenge_id).await
    }

    pub async fn verify_as(
        &self,
        access_token: &str,
        email: &str,
        otp: &str,
        challenge_id: Option<&Value>,
    ) -> Value {
        let query = format!(
            "mutation($input: VerifyOtpInput!) {{ verifyOtp(input: $input) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        let input = json!({ "email": email, "otp": otp, "challengeId": challenge_id });
        self.maybe_as(access_token, &query, json!({ "input": input })).await.data("verifyOtp")
    }

    /// Follows a link, without evidence of who requested it.
    pub async fn activate(&self, token: &str) -> Value {
        self.activate_with(token, json!({})).await
    }

    /// Follows a link and sends `challengeId`, `password` or both with it.
    pub async fn activate_with(&self, token: &str, beside: Value) -> Value {
        let query = format!(
            "mutation($token: String!, $challengeId: ID, $password: String) {{
                activateAccount(token: $token, challengeId: $challengeId, password: $password) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        let mut variables = beside;
        variables["token"] = json!(token);
        self.run(&query, variables).await.data("activateAccount")
    }

    /// Signs up with mandatory verification, and verifies the address.
    pub async fn register_and_prove(&self, email: &str, password: &str) -> Value {
        let challenge = self.register(email, password).await;
        let proven = self.verify(email, &self.code(email).await, Some(&challenge["id"])).await;
        assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
        proven
    }

    /// Signs up a user, signs in and verifies the address.
    pub async fn sign_up_proven(&self, email: &str) -> SignedIn {
        let payload = self.register(email, PASSWORD).await;
        let person = SignedIn::from(&payload);
        let id = &payload["emailChallenge"]["id"];
        let proven = self.verify_as(&person.access_token, email, &self.code(email).await, Some(id)).await;
        assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
        person
    }

    /// Does the same as `sign_up_proven`, waits a few days and signs in again.
    pub async fn sign_up_long_ago(&self, email: &str) -> SignedIn {
        self.sign_up_proven(email).await;
        self.advance(Duration::from_hours(73));
        self.sign_in(email).await
    }

    pub async fn request_login_code(&self, email: &str) -> Value {
        let query =
            format!("mutation($email: String!) {{ requestLoginCode(email: $email) {{ {CHALLENGE} }} }}");
        self.run(&query, json!({ "email": email })).await.data("requestLoginCode")
    }

    pub async fn start_reauthentication(&self, access_token: &str, send_code: bool) -> Value {
        let query = "mutation($sendCode: Boolean) { startReauthentication(sendCode: $sendCode) { __typename
                ... on Reauthentication { id methods expiresIn emailChallenge { id purpose method email } }
                ... on UserError { code retryAfter } } }";
        let answer = self.run_as(access_token, query, json!({ "sendCode": send_code })).await;
        answer.data("startReauthentication")
    }

    pub async fn reauthenticate(&self, access_token: &str, id: &Value, proof: Value) -> Value {
        let query = "mutation($id: ID!, $proof: ReauthenticationProof!) { reauthenticate(id: $id, proof: $proof) { __typename
            ... on Reauthenticated { accessToken expiresIn session { id isCurrent authenticatedAt methods } }
            ... on UserError { code retryAfter } } }";
        self.run_as(access_token, query, json!({ "id": id, "proof": proof })).await.data("reauthenticate")
    }

    /// Reauthenticates with the password, and returns the new access token of the session.
    pub async fn step_up(&self, access_token: &str) -> String {
        let begun = self.start_reauthentication(access_token, false).await;
        let done = self.reauthenticate(access_token, &begun["id"], json!({ "password": PASSWORD })).await;
        done["accessToken"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
    }

    /// Presses the button on the page to which the link in a notice leads.
    pub async fn revert(&self, token: &str, proof: Option<Value>) -> Value {
        let query = format!(
            "mutation($token: String!, $proof: ReauthenticationProof) {{
                revertSecurityChange(token: $token, proof: $proof) {{ {CHALLENGE} }} }}"
        );
        self.run(&query, json!({ "token": token, "proof": proof })).await.data("revertSecurityChange")
    }

    /// Returns the token of the link in the newest email of this template to this address, or `None` if it has no link.
    pub async fn token_in(&self, email: &str, template: &str) -> Option<String> {
        let mails = self.inbox(email).await;
        let mail = mails.iter().find(|mail| mail.template == template);
        let mail = mail.unwrap_or_else(|| panic!("no {template} for {email}"));
        let link = mail.link.as_ref()?.expose_secret();
        let token = link.split_once("#token=").unwrap().1;
        Some(token.split('&').next().unwrap().to_owned())
    }

    pub async fn resend_otp(&self, email: &str, challenge_id: Option<&Value>) -> Value {
        let query = format!(
            "mutation($email: String!, $id: ID) {{ resendOtp(email: $email, challengeId: $id) {{ {CHALLENGE} }} }}"
        );
        self.run(&query, json!({ "email": email, "id": challenge_id })).await.data("resendOtp")
    }

    pub async fn resend_link(&self, email: &str, challenge_id: Option<&Value>) -> Value {
        let query = format!(
            "mutation($email: String!, $id: ID) {{ resendActivationEmail(email: $email, challengeId: $id) {{ {CHALLENGE} }} }}"
        );
        self.run(&query, json!({ "email": email, "id": challenge_id })).await.data("resendActivationEmail")
    }

    pub async fn request_reset(&self, email: &str) -> Value {
        let query =
            format!("mutation($email: String!) {{ requestPasswordReset(email: $email) {{ {CHALLENGE} }} }}");
        self.run(&query, json!({ "email": email })).await.data("requestPasswordReset")
    }

    pub async fn reset(&self, token: &str, new_password: &str) -> Value {
        let query = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) {
            __typename ... on PasswordChanged { endedSessionIds } ... on UserError { code fields { field code } } } }";
        let input = json!({ "token": token, "newPassword": new_password });
        self.run(query, json!({ "input": input })).await.data("resetPassword")
    }

    pub async fn change_email(&self, access_token: &str, new_email: &str) -> Value {
        let query =
            format!("mutation($input: ChangeEmailInput!) {{ changeEmail(input: $input) {{ {CHALLENGE} }} }}");
        let input = json!({ "newEmail": new_email, "currentPassword": PASSWORD });
        self.run_as(access_token, &query, json!({ "input": input })).await.data("changeEmail")
    }

    async fn maybe_as(&self, access_token: &str, query: &str, variables: Value) -> Answer {
        if access_token.is_empty() {
            return self.run(query, variables).await;
        }
        self.run_as(access_token, query, variables).await
    }
}
