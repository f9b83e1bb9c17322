//! `SECOND_FACTOR`: who must have a second factor, and what they can do before they enroll one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

const SECRET: &str = "an-introspection-secret-of-32-or-more";

fn audience(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["aud"].clone()
}

async fn is_active(app: &TestApp, token: &str) -> Value {
    let body = serde_urlencoded::to_string([("token", token)]).unwrap();
    let request = app.http.post(format!("{}/oauth/introspect", app.url)).body(body).bearer_auth(SECRET);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let said: Value = request.send().await.unwrap().json().await.unwrap();
    said["active"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn before_enrolling_one_can_only_read_oneself_enroll_and_sign_out(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [
        ("SECOND_FACTOR", "required"),
        ("INTROSPECTION_SECRET", SECRET),
        ("EMAIL_VERIFICATION", "mandatory"),
    ];
    let app = TestApp::with(database, &settings).await;
    let ada = SignedIn::from(&app.register_and_prove(EMAIL, PASSWORD).await);
    let token = &ada.access_token;
    for (query, field) in [
        ("mutation { updateProfile(input: { bio: \"x\" }) { __typename ... on UserError { code } } }", "updateProfile"),
        ("mutation { removeTotp { __typename ... on UserError { code } } }", "removeTotp"),
        ("mutation { unlinkIdentity(id: \"x\") { __typename ... on UserError { code } } }", "unlinkIdentity"),
        (
            "mutation { changeEmail(input: { newEmail: \"x@example.org\", currentPassword: \"correct horse battery\" }) {
                __typename ... on UserError { code } } }",
            "changeEmail",
        ),
    ] {
        assert_eq!(app.run_as(token, query, json!({})).await.data(field)["code"], "ENROLMENT_REQUIRED", "{field}");
    }
    for query in [
        "{ dashboard { __typename } }",
        "{ user(id: \"x\") { id } }",
        "{ node(id: \"x\") { id } }",
        "mutation { changePassword(input: { currentPassword: \"x\", newPassword: \"y\" }) { __typename } }",
        "mutation { regenerateRecoveryCodes { __typename } }",
    ] {
        assert_eq!(app.run_as(token, query, json!({})).await.code(), "ENROLMENT_REQUIRED", "{query}");
    }
    let me =
        app.run_as(token, "{ me { email enrolmentRequired sessions { id } } }", json!({})).await.data("me");
    assert_eq!((&me["email"], &me["enrolmentRequired"]), (&json!(EMAIL), &json!(true)));
    assert_eq!(audience(token), "gatehouse:enrolment", "other services refuse the token");
    assert_eq!(is_active(&app, token).await, false);

    let authenticator = app.enroll_with(token).await;
    let me = app.run_as(token, "{ me { enrolmentRequired } }", json!({})).await.data("me");
    assert_eq!(me["enrolmentRequired"], false);
    let changed = "mutation { updateProfile(input: { bio: \"x\" }) { __typename } }";
    assert_eq!(app.run_as(token, changed, json!({})).await.data("updateProfile")["__typename"], "User");
    assert_eq!(is_active(&app, token).await, false, "the token is from before");
    let refreshed = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(audience(&refreshed.access_token), app.app.config.tokens.audience.as_str());
    assert_eq!(is_active(&app, &refreshed.access_token).await, true);
    app.sign_in_with(EMAIL, &authenticator).await;

    app.login(EMAIL, PASSWORD).await;
    let other = SignedIn::from(&app.register_and_prove("grace@example.org", PASSWORD).await);
    let out = app.run_as(&other.access_token, "mutation { logoutAll { endedSessionIds } }", json!({})).await;
    assert_eq!(out.data("logoutAll")["endedSessionIds"], json!([other.session_id]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_misspelled_address_can_be_changed_before_enrolling(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("SECOND_FACTOR", "required")]).await;
    let ada = app.sign_up("adaa@example.org").await;
    assert_eq!(app.start_totp_enrolment(&ada.access_token).await["code"], "NOT_ENABLED");
    let challenge = app.change_email(&ada.access_token, EMAIL).await;
    let proven =
        app.verify_as(&ada.access_token, EMAIL, &app.code(EMAIL).await, Some(&challenge["id"])).await;
    assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
    let refused = app.change_email(&ada.access_token, "other@example.org").await;
    assert_eq!(refused["code"], "ENROLMENT_REQUIRED", "{refused}");
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    app.enroll_with(&token).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn staff_can_be_required_to_enroll(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("SECOND_FACTOR", "staff")]).await;
    let user = app.sign_up_proven(EMAIL).await;
    let dashboard = |token: String| {
        let app = &app;
        async move { app.run_as(&token, "{ dashboard { __typename } }", json!({})).await }
    };
    assert_eq!(dashboard(user.access_token.clone()).await.status, 200);
    for role in ["staff", "superuser"] {
        let who = app.sign_up_as(role, &format!("{role}@example.org")).await;
        assert_eq!(dashboard(who.access_token.clone()).await.code(), "ENROLMENT_REQUIRED", "{role}");
        let users = app.run_as(&who.access_token, "{ users { nodes { id } } }", json!({})).await;
        assert_eq!(users.code(), "ENROLMENT_REQUIRED", "{role}");
    }
}
