//! A field that is refused for its role, its budget or its input does not take the other fields of the operation with it.

use serde_json::{Value, json};

use crate::{
    authorization::root_fields,
    support::{Answer, PASSWORD, Sqlite, TestApp},
};

/// Root fields that are never refused for a role, a budget or an input.
const NEVER_REFUSED: &[&str] = &[
    "authSettings",
    "dashboard",
    "loginLinkConfirmed",
    "logout",
    "logoutAll",
    "me",
    "node",
    "revokeSession",
    "sessionEvents",
    "startPasskeyLogin",
    "user",
    "viewer",
];

/// How each other root field is refused. `null` stands for a top-level error, with a field that is null.
const REFUSED: &[(&str, &str)] = &[
    ("users { totalCount }", "null"),
    ("usernameAvailable(username: \"x\") { ...E }", "INVALID_INPUT"),
    ("activateAccount(token: \"x\") { ...E }", "INVALID_TOKEN"),
    ("confirmLoginLink(token: \"x\") { ...E }", "INVALID_TOKEN"),
    ("changeEmail(input: { newEmail: \"x\" }) { ...E }", "INVALID_INPUT"),
    ("changePassword(input: { newPassword: \"x\" }) { ...E }", "INVALID_INPUT"),
    ("googleLogin(input: { accessToken: \"x\" }) { ...E }", "NOT_ENABLED"),
    ("linkIdentity(input: { provider: \"x\", proof: { accessToken: \"x\" } }) { ...E }", "NOT_ENABLED"),
    ("login(input: { identifier: \"x\", password: \"x\" }) { ...E }", "INVALID_CREDENTIALS"),
    ("postToDashboard(text: \"LONG\") { ...E }", "INVALID_INPUT"),
    ("providerLogin(input: { provider: \"x\", proof: { accessToken: \"x\" } }) { ...E }", "NOT_ENABLED"),
    ("reauthenticate(id: \"x\", proof: { password: \"x\" }) { ...E }", "INVALID_TOKEN"),
    ("finishTotpEnrolment(id: \"x\", code: \"x\") { ...E }", "INVALID_TOKEN"),
    ("regenerateRecoveryCodes { ...E }", "NOT_ENABLED"),
    ("removeTotp { ...E }", "RATE_LIMITED"),
    ("resetSecondFactors(id: \"x\") { ...E }", "NOT_ALLOWED"),
    ("startTotpEnrolment { ...E }", "NOT_ENABLED"),
    ("passkeyLogin(id: \"x\", credential: {}) { ...E }", "INVALID_TOKEN"),
    ("startPasskeySignup(input: {}) { ...E }", "INVALID_INPUT"),
    ("passkeySignup(id: \"x\", credential: {}) { ...E }", "INVALID_TOKEN"),
    ("startPasskeyEnrolment { ...E }", "NOT_ENABLED"),
    ("finishPasskeyEnrolment(id: \"x\", credential: {}) { ...E }", "INVALID_TOKEN"),
    ("renamePasskey(id: \"x\", name: \"x\") { ...E }", "NOT_FOUND"),
    ("removePasskey(id: \"x\") { ...E }", "RATE_LIMITED"),
    ("verifySecondFactor(id: \"x\", proof: { totp: \"x\" }) { ...E }", "INVALID_TOKEN"),
    ("refresh { ...E }", "INVALID_INPUT"),
    ("requestLoginCode(email: \"x\") { ...E }", "INVALID_INPUT"),
    ("requestPasswordReset(email: \"x\") { ...E }", "INVALID_INPUT"),
    ("resendActivationEmail(email: \"x\") { ...E }", "INVALID_INPUT"),
    ("resendOtp(email: \"x\") { ...E }", "INVALID_INPUT"),
    ("resetPassword(input: { token: \"x\", newPassword: \"x\" }) { ...E }", "INVALID_TOKEN"),
    ("revertSecurityChange(token: \"x\") { ...E }", "INVALID_TOKEN"),
    ("setUserActive(id: \"x\", active: true) { ...E }", "NOT_ALLOWED"),
    ("setUserRole(id: \"x\", role: STAFF) { ...E }", "NOT_ALLOWED"),
    ("signup(input: { password: \"x\" }) { ...E }", "INVALID_INPUT"),
    ("startProviderLogin(provider: \"x\") { ...E }", "NOT_ENABLED"),
    ("startReauthentication(sendCode: true) { ...E }", "NOT_ENABLED"),
    ("unlinkIdentity(id: \"x\") { ...E }", "RATE_LIMITED"),
    ("updateProfile(input: { avatarUrl: \"x\" }) { ...E }", "INVALID_INPUT"),
    ("verifyOtp(input: { email: \"x\", otp: \"x\" }) { ...E }", "INVALID_OTP"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_root_field_leaves_the_others_alone() {
    // each user may write once, and `unlinkIdentity` finds that budget used up
    let app = TestApp::with(Sqlite, &[("RATE_LIMIT_WRITES", "1/1h")]).await;
    let mut fields: Vec<String> = root_fields(&app).await.into_values().flatten().collect();
    let mut listed: Vec<&str> =
        REFUSED.iter().map(|(field, _)| name(field)).chain(NEVER_REFUSED.iter().copied()).collect();
    fields.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, fields, "every root field has a row");

    for &(field, expected) in REFUSED {
        let someone = format!("{}@example.org", name(field));
        let person = app.sign_up(&someone).await;
        if expected == "RATE_LIMITED" {
            app.run_as(
                &person.access_token,
                "mutation { updateProfile(input: { bio: \"x\" }) { __typename } }",
                json!({}),
            )
            .await;
        }
        let field = field.replace("LONG", &"x".repeat(1001));
        let (kind, good) = match name(&field) {
            "users" | "usernameAvailable" => ("query", "me { email }"),
            _ => ("mutation", "logout(refreshToken: \"x\") { endedSessionIds }"),
        };
        let fragment = if field.contains("...E") { "fragment E on UserError { code }" } else { "" };
        let answer = app
            .run_as(&person.access_token, &format!("{kind} {{ {field} {good} }} {fragment}"), json!({}))
            .await;
        assert_eq!(answer.status, 200, "{field}: {}", answer.text);
        let refused = &answer.body["data"][name(&field)];
        if expected == "null" {
            assert_eq!((refused, answer.code()), (&Value::Null, "FORBIDDEN"));
        } else {
            assert_eq!(refused["code"], expected, "{field}: {}", answer.text);
            assert!(answer.body["errors"].is_null(), "{}", answer.text);
        }
        assert!(answer.body["data"][name(good)].is_object(), "{field}: {}", answer.text);
    }
}

/// Clients select fragments on unions.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_role_reaches_a_fragment_on_the_union() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up("ada@example.org").await;
    let query = "mutation { setUserRole(id: \"x\", role: STAFF) { ...R } }
        fragment R on UserResult { __typename ... on UserError { code } }";
    let answer = app.run_as(&ada.access_token, query, json!({})).await.data("setUserRole");
    assert_eq!(answer, json!({ "__typename": "UserError", "code": "NOT_ALLOWED" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_is_null_beside_the_viewer() {
    let app = TestApp::start(Sqlite).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    for arguments in ["first: 101", "first: -1", "last: 101", "after: \"x\"", "filter: { search: \"x\" }"] {
        let query = format!("{{ me {{ email }} users({arguments}) {{ totalCount }} }}");
        let answer = app.run_as(&staff.access_token, &query, json!({})).await;
        assert_eq!(answer.status, 200, "{arguments}: {}", answer.text);
        assert_eq!(answer.code(), "BAD_REQUEST", "{arguments}");
        assert_eq!(answer.body["data"], json!({ "me": { "email": "staff@example.org" }, "users": null }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_sign_in_refuses_the_whole_operation() {
    let app = TestApp::start(Sqlite).await;
    let answer = app.run("{ authSettings { otpLength } users { totalCount } }", json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
    assert!(answer.body["data"].is_null());
    let app =
        TestApp::with(Sqlite, &[("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_USERNAME_CHECKS", "1/1h")])
            .await;
    app.signup(json!({ "email": "ada@example.org", "password": PASSWORD })).await;
    let both = "{ a: usernameAvailable(username: \"ada\") { ...R } b: usernameAvailable(username: \"ada\") { ...R } }
        fragment R on UsernameAvailableResult { ... on UsernameAvailability { isAvailable } ... on UserError { code } }";
    let answer =
        Answer::of(app.post().header("x-forwarded-for", "192.0.2.1").json(&json!({ "query": both }))).await;
    let mut seen = [&answer.body["data"]["a"], &answer.body["data"]["b"]].map(ToString::to_string);
    seen.sort_unstable();
    assert_eq!(seen, ["{\"code\":\"RATE_LIMITED\"}", "{\"isAvailable\":true}"]);
}

fn name(field: &str) -> &str {
    field.split([' ', '(']).next().unwrap()
}
