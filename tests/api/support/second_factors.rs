//! The steps of users with second factors.

use std::time::Duration;

use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use super::{SIGN_IN, SignedIn, TestApp};

/// The fields of a challenge that the tests select.
pub const SECOND_FACTOR: &str = "... on SecondFactorChallenge { id methods passkeyOptions expiresIn }";

/// The time for which an authenticator app shows a code.
pub const STEP: Duration = Duration::from_secs(30);

/// An authenticator app with its account, and the recovery codes that came with it.
#[derive(Debug)]
pub struct Authenticator {
    totp: Totp,
    pub recovery_codes: Vec<String>,
    /// An access token from after the enrollment.
    pub access_token: String,
}

impl Authenticator {
    /// Reads the secret of an enrollment.
    pub fn of(enrolment: &Value) -> Self {
        Self::new(enrolment["secret"].as_str().unwrap())
    }

    /// Creates the app from a secret in base 32, which may have spaces.
    pub fn new(secret: &str) -> Self {
        let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        Self { totp, recovery_codes: Vec::new(), access_token: String::new() }
    }

    /// Returns the code that the app shows, by the clock of the server.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_in(app, 0)
    }

    /// Returns the code of a later or earlier step.
    pub fn code_in(&self, app: &TestApp, steps: i64) -> String {
        let at = app.app.clock.now().unix_timestamp() + 30 * steps;
        self.totp.generate(u64::try_from(at).unwrap()).to_string()
    }

    /// Waits for the next code, because each works once.
    pub fn next_code(&self, app: &TestApp) -> String {
        app.advance(STEP);
        self.code(app)
    }
}

impl TestApp {
    /// Reauthenticates with an emailed code, and returns the new access token.
    pub async fn step_up_by_email(&self, access_token: &str, email: &str) -> String {
        let begun = self.start_reauthentication(access_token, true).await;
        let proof = json!({ "emailCode": self.code(email).await });
        let done = self.reauthenticate(access_token, &begun["id"], proof).await;
        done["accessToken"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
    }

    /// Reauthenticates with a second factor, and returns the response.
    pub async fn step_up_with(&self, access_token: &str, proof: Value) -> Value {
        let begun = self.start_reauthentication(access_token, false).await;
        self.reauthenticate(access_token, &begun["id"], proof).await
    }

    /// Signs up a user whose address is proven, and enrolls an authenticator app.
    pub async fn sign_up_enrolled(&self, email: &str) -> (SignedIn, Authenticator) {
        let person = self.sign_up_proven(email).await;
        let authenticator = self.enroll(&person, email).await;
        (person, authenticator)
    }

    /// Enrolls the first authenticator app of a user.
    pub async fn enroll(&self, person: &SignedIn, email: &str) -> Authenticator {
        let token = self.step_up_by_email(&person.access_token, email).await;
        self.enroll_with(&token).await
    }

    /// Enrolls an authenticator app with an access token that is fresh enough.
    pub async fn enroll_with(&self, access_token: &str) -> Authenticator {
        let started = self.start_totp_enrolment(access_token).await;
        let mut authenticator = Authenticator::of(&started);
        let code = authenticator.code(self);
        let finished = self.finish_totp_enrolment(access_token, &started["id"], &code).await;
        assert_eq!(finished["__typename"], "SecondFactorsEnabled", "{finished}");
        authenticator.recovery_codes = serde_json::from_value(finished["recoveryCodes"].clone()).unwrap();
        access_token.clone_into(&mut authenticator.access_token);
        authenticator
    }

    pub async fn start_totp_enrolment(&self, access_token: &str) -> Value {
        let query = "mutation { startTotpEnrolment { __typename
            ... on TotpEnrolment { id secret uri qrSvg expiresIn } ... on UserError { code message } } }";
        self.run_as(access_token, query, json!({})).await.data("startTotpEnrolment")
    }

    pub async fn finish_totp_enrolment(&self, access_token: &str, id: &Value, code: &str) -> Value {
        let query = "mutation($id: ID!, $code: String!) { finishTotpEnrolment(id: $id, code: $code) { __typename
            ... on SecondFactorsEnabled { recoveryCodes endedSessionIds user { id secondFactors recoveryCodesLeft } }
            ... on UserError { code message } } }";
        let variables = json!({ "id": id, "code": code });
        self.run_as(access_token, query, variables).await.data("finishTotpEnrolment")
    }

    pub async fn remove_totp(&self, access_token: &str) -> Value {
        let query = "mutation { removeTotp { __typename ... on User { secondFactors recoveryCodesLeft }
            ... on UserError { code } } }";
        self.run_as(access_token, query, json!({})).await.data("removeTotp")
    }

    pub async fn regenerate_recovery_codes(&self, access_token: &str) -> Value {
        let query = "mutation { regenerateRecoveryCodes { __typename
            ... on SecondFactorsEnabled { recoveryCodes endedSessionIds user { recoveryCodesLeft } }
            ... on UserError { code } } }";
        self.run_as(access_token, query, json!({})).await.data("regenerateRecoveryCodes")
    }

    pub async fn verify_second_factor(&self, id: &Value, proof: Value) -> Value {
        let query = format!(
            "mutation($id: ID!, $proof: SecondFactorProof!) {{ verifySecondFactor(id: $id, proof: $proof) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        self.run(&query, json!({ "id": id, "proof": proof })).await.data("verifySecondFactor")
    }

    /// Does the same from another address, behind [`super::PROXY`].
    pub async fn verify_second_factor_from(&self, address: &str, id: &Value, proof: Value) -> Value {
        let query = format!(
            "mutation($id: ID!, $proof: SecondFactorProof!) {{ verifySecondFactor(id: $id, proof: $proof) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        let body = json!({ "query": query, "variables": { "id": id, "proof": proof } });
        let request = self.post().header("x-forwarded-for", address).json(&body);
        super::Answer::of(request).await.data("verifySecondFactor")
    }

    /// Signs in with the password and the next code.
    pub async fn sign_in_with(&self, email: &str, authenticator: &Authenticator) -> SignedIn {
        let challenge = self.login(email, super::PASSWORD).await;
        assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
        let code = authenticator.next_code(self);
        SignedIn::from(&self.verify_second_factor(&challenge["id"], json!({ "totp": code })).await)
    }

    /// Returns the second factors of the viewer and the number of their recovery codes.
    pub async fn second_factors(&self, access_token: &str) -> Value {
        let query = "{ me { secondFactors recoveryCodesLeft } }";
        self.run_as(access_token, query, json!({})).await.data("me")
    }
}
