//! What a stolen access token can do: read, sign out, and nothing else.

use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    authorization::root_fields,
    support::{EMAIL, Sqlite, TestApp, database::connect},
};

/// What a thief can do with a stolen access token and each mutation once the owner's last proof is too old. `same`: the
/// same as without a token; `out`: end sessions; `profile`: change data that nobody signs in with; `refused`: nothing,
/// because the mutation needs a proof that the thief cannot give.
const STOLEN: &[(&str, &str)] = &[
    ("signup(input: { password: \"x\" }) { __typename }", "same"),
    ("login(input: { identifier: \"ada@example.org\", password: \"x\" }) { __typename }", "same"),
    ("refresh(refreshToken: \"x\") { __typename }", "same"),
    ("verifyOtp(input: { email: \"ada@example.org\", otp: \"00000000\" }) { __typename }", "same"),
    ("resendOtp(email: \"ada@example.org\") { __typename }", "same"),
    ("activateAccount(token: \"x\", password: \"x\") { __typename }", "same"),
    ("confirmLoginLink(token: \"x\") { __typename }", "same"),
    ("resendActivationEmail(email: \"ada@example.org\") { __typename }", "same"),
    ("requestLoginCode(email: \"ada@example.org\") { __typename }", "same"),
    ("requestPasswordReset(email: \"ada@example.org\") { __typename }", "same"),
    ("resetPassword(input: { token: \"x\", newPassword: \"battery horse correct\" }) { __typename }", "same"),
    ("revertSecurityChange(token: \"x\", proof: { password: \"x\" }) { __typename }", "same"),
    ("startProviderLogin(provider: \"google\") { __typename }", "same"),
    ("googleLogin(input: { accessToken: \"x\" }) { __typename }", "same"),
    ("providerLogin(input: { provider: \"google\", proof: { accessToken: \"x\" } }) { __typename }", "same"),
    ("startReauthentication(sendCode: true) { __typename }", "same"),
    ("reauthenticate(id: \"x\", proof: { password: \"x\" }) { ... on UserError { code } }", "same"),
    ("verifySecondFactor(id: \"x\", proof: { totp: \"000000\" }) { __typename }", "same"),
    ("finishTotpEnrolment(id: \"x\", code: \"000000\") { __typename }", "same"),
    ("startTotpEnrolment { ... on UserError { code } }", "refused"),
    ("startPasskeyLogin { __typename }", "same"),
    ("passkeyLogin(id: \"x\", credential: {}) { __typename }", "same"),
    ("startPasskeySignup(input: {}) { __typename }", "same"),
    ("passkeySignup(id: \"x\", credential: {}) { __typename }", "same"),
    ("finishPasskeyEnrolment(id: \"x\", credential: {}) { __typename }", "same"),
    ("startPasskeyEnrolment { ... on UserError { code } }", "refused"),
    ("renamePasskey(id: \"x\", name: \"x\") { ... on UserError { code } }", "refused"),
    ("removePasskey(id: \"x\") { ... on UserError { code } }", "refused"),
    ("removeTotp { ... on UserError { code } }", "refused"),
    ("regenerateRecoveryCodes { ... on UserError { code } }", "refused"),
    ("resetSecondFactors(id: \"OTHER\") { ... on UserError { code } }", "refused"),
    ("postToDashboard(text: \"x\") { __typename }", "profile"),
    ("updateProfile(input: { name: \"x\" }) { __typename }", "profile"),
    ("updateProfile(input: { username: \"thief\" }) { ... on UserError { code } }", "refused"),
    (
        "changePassword(input: { currentPassword: \"x\", newPassword: \"battery horse correct\" }) { ... on UserError { code } }",
        "refused",
    ),
    (
        "changeEmail(input: { newEmail: \"thief@example.org\", currentPassword: \"x\" }) { ... on UserError { code } }",
        "refused",
    ),
    (
        "linkIdentity(input: { provider: \"google\", proof: { accessToken: \"x\" } }) { ... on UserError { code } }",
        "refused",
    ),
    ("unlinkIdentity(id: \"x\") { ... on UserError { code } }", "refused"),
    ("setUserRole(id: \"OTHER\", role: SUPERUSER) { ... on UserError { code } }", "refused"),
    ("setUserActive(id: \"OTHER\", active: false) { ... on UserError { code } }", "refused"),
    ("revokeSession(id: \"x\") { endedSessionIds }", "out"),
    ("logoutAll { endedSessionIds }", "out"),
];

/// Returns the data that decides who can sign in to the accounts.
async fn ways_in(app: &TestApp) -> Vec<String> {
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let mut ways = Vec::new();
    for sql in [
        "SELECT email AS way FROM users ORDER BY id",
        "SELECT username AS way FROM users ORDER BY id",
        "SELECT password_hash AS way FROM users ORDER BY id",
        "SELECT role AS way FROM users ORDER BY id",
        "SELECT second_factors AS way FROM users ORDER BY id",
        "SELECT subject AS way FROM identities ORDER BY id",
    ] {
        let statement = sea_orm::Statement::from_string(rows.get_database_backend(), sql);
        for row in rows.query_all_raw(statement).await.unwrap() {
            ways.push(format!("{sql}: {:?}", row.try_get::<Option<String>>("", "way").unwrap()));
        }
    }
    ways
}

#[rstest::rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_access_token_cannot_change_how_its_owner_signs_in(
    #[values(false, true)] owner_proves: bool,
    #[values(true, false)] has_password: bool,
) {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let other = app.sign_up("other@example.org").await;
    let owner = app.sign_up_proven(EMAIL).await;
    app.sql(&format!("UPDATE users SET role = 'superuser' WHERE email = '{EMAIL}'")).await;
    app.advance(std::time::Duration::from_mins(11));
    if owner_proves {
        app.step_up(&owner.access_token).await;
    }
    if !has_password {
        app.sql(&format!("UPDATE users SET password_hash = NULL WHERE email = '{EMAIL}'")).await;
    }
    let mutations: Vec<String> = root_fields(&app).await.remove("mutation").unwrap();
    for name in mutations.iter().filter(|name| *name != "logout") {
        assert!(
            STOLEN.iter().any(|(field, _)| field.split([' ', '(']).next() == Some(name)),
            "{name} has no row"
        );
    }
    let before = ways_in(&app).await;
    for &(field, outcome) in STOLEN {
        let query = format!("mutation {{ {} }}", field.replace("OTHER", &other.user_id));
        let answer = app.run_as(&owner.access_token, &query, json!({})).await;
        let name = field.split([' ', '(']).next().unwrap();
        let code = answer.body["data"][name]["code"].as_str().unwrap_or_default();
        if outcome == "refused" {
            let expected: &[&str] = match name {
                "changePassword" if has_password => &["INVALID_CREDENTIALS"],
                _ => &["REAUTHENTICATION_REQUIRED"],
            };
            assert!(expected.contains(&code), "{field}: {}", answer.text);
        }
        assert_eq!(ways_in(&app).await, before, "{field}: {}", answer.text);
    }
    assert_eq!(app.me(&owner.access_token).await, "REVOKED", "the last mutation signed the owner out");
}
