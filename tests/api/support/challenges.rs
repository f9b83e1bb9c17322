//! What people do with the mails that prove an address.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Answer, PASSWORD, SIGN_IN, TestApp};

pub const CHALLENGE: &str = "__typename ... on EmailChallenge { id purpose method email expiresIn resendIn } ... on UserError { code retryAfter fields { field code } }";

impl TestApp {
    /// A sign-up with this password; where verification is mandatory its challenge.
    pub async fn register(&self, email: &str, password: &str) -> Value {
        let query = format!(
            "mutation($input: SignupInput!) {{ signup(input: $input) {{ {CHALLENGE} ... on AuthPayload {{ accessToken refreshToken session {{ id }} user {{ id }} emailChallenge {{ id purpose method email expiresIn resendIn }} }} }} }}"
        );
        let input = json!({ "email": email, "password": password });
        self.run(&query, json!({ "input": input })).await.data("signup")
    }

    /// A login that may come to a challenge.
    pub async fn challenged(&self, identifier: &str, password: &str) -> Value {
        let query = format!("mutation($input: LoginInput!) {{ login(input: $input) {{ {CHALLENGE} }} }}");
        let input = json!({ "identifier": identifier, "password": password });
        self.run(&query, json!({ "input": input })).await.data("login")
    }

    /// The codes in the mails to this address, the newest first.
    pub async fn codes(&self, email: &str) -> Vec<String> {
        let mails = self.inbox(email).await;
        mails.iter().filter_map(|mail| Some(mail.code.as_ref()?.expose_secret().to_owned())).collect()
    }

    /// The newest.
    pub async fn code(&self, email: &str) -> String {
        self.codes(email).await.swap_remove(0)
    }

    /// The link in the newest mail to this address.
    pub async fn link(&self, email: &str) -> String {
        let mails = self.inbox(email).await;
        let link = mails.iter().find_map(|mail| mail.link.as_ref());
        link.unwrap_or_else(|| panic!("no link for {email}")).expose_secret().to_owned()
    }

    /// The token of that link.
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
        let query =
            format!("mutation($input: VerifyOtpInput!) {{ verifyOtp(input: $input) {{ {SIGN_IN} }} }}");
        let input = json!({ "email": email, "otp": otp, "challengeId": challenge_id });
        self.maybe_as(access_token, &query, json!({ "input": input })).await.data("verifyOtp")
    }

    pub async fn activate(&self, token: &str) -> Value {
        let query = format!("mutation($token: String!) {{ activateAccount(token: $token) {{ {SIGN_IN} }} }}");
        self.run(&query, json!({ "token": token })).await.data("activateAccount")
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
