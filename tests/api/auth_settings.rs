use serde_json::json;

use crate::support::{Sqlite, TestApp};

const QUERY: &str = "{ authSettings {
    signupEnabled emailRequired emailVerification emailVerificationMethod otpLength
    passwordMinLength passwordMaxLength usernameMinLength usernameMaxLength providers { id kind name clientId }
} }";

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_callers_can_read_the_settings_that_forms_need() {
    let app = TestApp::start(Sqlite).await;
    assert_eq!(
        app.run(QUERY, json!({})).await.data("authSettings"),
        json!({
            "signupEnabled": true, "emailRequired": true, "emailVerification": "OPTIONAL",
            "emailVerificationMethod": "OTP", "otpLength": 8, "passwordMinLength": 8, "passwordMaxLength": 128,
            "usernameMinLength": 3, "usernameMaxLength": 30, "providers": [],
        })
    );
    let settings =
        [("SIGNUP", "off"), ("EMAIL_REQUIRED", "false"), ("PASSWORD_MIN_LENGTH", "15"), ("OTP_LENGTH", "6")];
    let answer = TestApp::with(Sqlite, &settings).await.run(QUERY, json!({})).await.data("authSettings");
    assert_eq!(
        [
            &answer["signupEnabled"],
            &answer["emailRequired"],
            &answer["passwordMinLength"],
            &answer["otpLength"]
        ],
        [&json!(false), &json!(false), &json!(15), &json!(6)]
    );
}
