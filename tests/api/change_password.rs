use std::sync::Arc;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp};

const NEW: &str = "battery horse correct";

async fn change(app: &TestApp, who: &SignedIn, input: Value) -> Value {
    let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) {
        __typename ... on PasswordChanged { endedSessionIds } ... on UserError { code fields { field code } } } }";
    app.run_as(&who.access_token, query, json!({ "input": input })).await.data("changePassword")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_replaces_the_old_one_and_ends_the_other_sessions(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let grace = app.sign_up("grace@example.org").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW, "newPasswordConfirmation": NEW });
    let changed = change(&app, &here, input).await;
    assert_eq!(changed, json!({ "__typename": "PasswordChanged", "endedSessionIds": [there.session_id] }));
    assert_eq!(app.me(&here.access_token).await, EMAIL);
    assert_eq!(app.refresh(&here.refresh_token).await["__typename"], "AuthPayload");
    assert_eq!(app.me(&there.access_token).await, "REVOKED");
    assert_eq!(app.me(&grace.access_token).await, "grace@example.org");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, NEW).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_change_is_refused_with_its_reason_and_changes_nothing() {
    let app = TestApp::start(Sqlite).await;
    let (ada, other) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let before = app.app.passwords.computed();
    for (input, field, code) in [
        (json!({ "newPassword": NEW }), "currentPassword", "REQUIRED"),
        (json!({ "currentPassword": "p".repeat(129), "newPassword": NEW }), "currentPassword", "TOO_LONG"),
        (json!({ "currentPassword": PASSWORD, "newPassword": "short" }), "newPassword", "TOO_SHORT"),
        (json!({ "currentPassword": PASSWORD, "newPassword": "p".repeat(129) }), "newPassword", "TOO_LONG"),
        (json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD }), "newPassword", "UNCHANGED"),
        (json!({ "currentPassword": PASSWORD, "newPassword": EMAIL }), "newPassword", "TOO_WEAK"),
        (
            json!({ "currentPassword": PASSWORD, "newPassword": NEW, "newPasswordConfirmation": "else" }),
            "newPasswordConfirmation",
            "MISMATCH",
        ),
    ] {
        let refused = change(&app, &ada, input).await;
        assert_eq!(refused["code"], "INVALID_INPUT");
        assert_eq!(refused["fields"], json!([{ "field": field, "code": code }]));
    }
    assert_eq!(app.app.passwords.computed(), before, "no password was hashed");
    let weak = change(&app, &ada, json!({ "currentPassword": PASSWORD, "newPassword": "password1" })).await;
    assert_eq!(weak["fields"], json!([{ "field": "newPassword", "code": "TOO_WEAK" }]));
    let wrong = json!({ "currentPassword": "wrong horse battery", "newPassword": NEW });
    assert_eq!(change(&app, &ada, wrong).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.me(&other.access_token).await, EMAIL);
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_password_can_set_its_first(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    let me = "{ me { hasPassword } }";
    assert_eq!(app.run_as(&ada.access_token, me, json!({})).await.data("me")["hasPassword"], false);
    let set = change(&app, &ada, json!({ "newPassword": NEW })).await;
    assert_eq!(set["__typename"], "PasswordChanged");
    assert_eq!(app.run_as(&ada.access_token, me, json!({})).await.data("me")["hasPassword"], true);
    assert_eq!(app.login(EMAIL, NEW).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_racing_changes_succeeds_and_no_racing_login_survives(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::start(database).await);
    for round in 0..20 {
        let email = format!("ada-{round}@example.org");
        let ada = app.sign_up(&email).await;
        let changes = (0..4).map(|n| {
            let (app, ada) = (app.clone(), ada.clone());
            let input = json!({ "currentPassword": PASSWORD, "newPassword": format!("{NEW} {n}") });
            tokio::spawn(async move { change(&app, &ada, input).await })
        });
        let logins = (0..4).map(|_| {
            let (app, email) = (app.clone(), email.clone());
            tokio::spawn(async move { app.login(&email, PASSWORD).await })
        });
        let (changes, logins) = tokio::join!(join_all(changes), join_all(logins));
        let changed: Vec<Value> =
            changes.into_iter().map(Result::unwrap).filter(|answer| answer["code"].is_null()).collect();
        assert_eq!(changed.len(), 1);
        for login in logins.into_iter().map(Result::unwrap).filter(|login| login["code"].is_null()) {
            let token = login["accessToken"].as_str().unwrap();
            assert_eq!(app.me(token).await, "REVOKED", "the change ended this session");
            assert!(changed[0]["endedSessionIds"].as_array().unwrap().contains(&login["session"]["id"]));
        }
        assert_eq!(app.me(&ada.access_token).await, email);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_makes_known_addresses_unknown_again(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ada = app.sign_up(EMAIL).await;
    let settings = [("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", "1/1h"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let strict = app.another(&settings).await;
    assert_eq!(app.login_from("203.0.113.9", EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    let guess = async || strict.login_from("203.0.113.9", EMAIL, "wrong horse battery").await["code"].clone();
    for _ in 0..3 {
        assert_eq!(guess().await, "INVALID_CREDENTIALS");
    }
    change(&app, &ada, json!({ "currentPassword": PASSWORD, "newPassword": NEW })).await;
    assert_eq!(guess().await, "INVALID_CREDENTIALS");
    assert_eq!(guess().await, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_the_current_password_are_rate_limited() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let guess = json!({ "currentPassword": "wrong horse battery", "newPassword": NEW });
    for _ in 0..10 {
        assert_eq!(change(&app, &ada, guess.clone()).await["code"], "INVALID_CREDENTIALS");
    }
    let before = app.app.passwords.computed();
    let right = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    assert_eq!(change(&app, &ada, right).await["code"], "RATE_LIMITED");
    assert_eq!(app.app.passwords.computed(), before);
}
