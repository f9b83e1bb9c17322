use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, Sqlite, TestApp};

const NEW: &str = "battery horse correct";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_sets_the_password_verifies_the_address_and_ends_every_session(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let asked = app.request_reset("ADA@example.org").await;
    let told = json!({
        "__typename": "EmailChallenge", "id": asked["id"], "purpose": "RESET_PASSWORD", "method": "LINK",
        "email": "ADA@example.org", "expiresIn": 1800, "resendIn": 60,
    });
    assert_eq!(asked, told);
    assert!(app.link(EMAIL).await.starts_with(&format!("{}/reset-password#token=", app.url)));
    let token = app.token(EMAIL).await;
    let weak = app.reset(&token, "password1").await;
    assert_eq!(
        weak["fields"],
        json!([{ "field": "newPassword", "code": "TOO_WEAK" }]),
        "a refused password does not use the link"
    );
    let done = app.reset(&token, NEW).await;
    let mut ended: Vec<&str> =
        done["endedSessionIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    ended.sort_unstable();
    assert_eq!(ended, [here.session_id.as_str(), &there.session_id]);
    assert_eq!(app.me(&here.access_token).await, "REVOKED");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    let ada = app.login(EMAIL, NEW).await;
    let me = app.run_as(ada["accessToken"].as_str().unwrap(), "{ me { emailVerified } }", json!({})).await;
    assert_eq!(me.data("me")["emailVerified"], true);
    assert_eq!(app.reset(&token, PASSWORD).await["code"], "INVALID_TOKEN");
    assert!(
        app.inbox(EMAIL).await.iter().all(|mail| mail.template != "password_was_reset"),
        "the address was not verified before"
    );
    app.advance(Duration::from_mins(2));
    app.request_reset(EMAIL).await;
    app.reset(&app.token(EMAIL).await, PASSWORD).await;
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_was_reset");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn links_do_not_replace_each_other_and_using_one_invalidates_all(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        app.request_reset(EMAIL).await;
        tokens.push(app.token(EMAIL).await);
        app.advance(Duration::from_secs(61));
    }
    assert_eq!(app.reset(&tokens[1], NEW).await["__typename"], "PasswordChanged");
    for token in tokens {
        assert_eq!(app.reset(&token, PASSWORD).await["code"], "INVALID_TOKEN");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_racing_resets_succeeds_and_no_racing_login_survives(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::start(database).await);
    app.sign_up(EMAIL).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    let resets = (0..8).map(|n| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move { app.reset(&token, &format!("{NEW} {n}")).await })
    });
    let logins = (0..8).map(|_| {
        let app = app.clone();
        tokio::spawn(async move { app.login(EMAIL, PASSWORD).await })
    });
    let (resets, logins) = tokio::join!(join_all(resets), join_all(logins));
    let done =
        resets.into_iter().map(Result::unwrap).filter(|reset| reset["__typename"] == "PasswordChanged");
    assert_eq!(done.count(), 1);
    for login in logins.into_iter().map(Result::unwrap).filter(|login| login["code"].is_null()) {
        assert_eq!(app.me(login["accessToken"].as_str().unwrap()).await, "REVOKED");
    }
}

/// Resets with different links race with a password change, without a deadlock.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_racing_links_succeeds(#[values(Sqlite, Postgres, Serializable)] database: Database) {
    let app = Arc::new(TestApp::start(database).await);
    let ada = app.sign_up(EMAIL).await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        app.request_reset(EMAIL).await;
        tokens.push(app.token(EMAIL).await);
        app.advance(Duration::from_secs(61));
    }
    let begun = Instant::now();
    let change = tokio::spawn({
        let app = app.clone();
        async move {
            let change =
                "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }";
            let input = json!({ "currentPassword": PASSWORD, "newPassword": "another horse altogether" });
            app.run_as(&ada.access_token, change, json!({ "input": input })).await
        }
    });
    let resets = tokens.into_iter().enumerate().map(|(n, token)| {
        let app = app.clone();
        tokio::spawn(async move { app.reset(&token, &format!("{NEW} {n}")).await })
    });
    let (change, resets) = tokio::join!(change, join_all(resets));
    let resets = resets.into_iter().map(Result::unwrap);
    let done = resets.filter(|reset| reset["__typename"] == "PasswordChanged").count();
    // if the change is first, it invalidates all links; if a reset is first, it ends the session of the change
    assert!(done <= 1);
    let change = change.unwrap();
    assert!(
        ["SERVICE_UNAVAILABLE", "INTERNAL"].iter().all(|code| !change.text.contains(code)),
        "{}",
        change.text
    );
    assert!(done == 1 || change.data("changePassword")["__typename"] == "PasswordChanged");
    assert!(begun.elapsed() < Duration::from_secs(1), "PostgreSQL checks for deadlocks after a second");
}

/// Accounts imported from Django, for example, may have no password.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_sets_a_password_for_an_account_without_one(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    app.request_reset(EMAIL).await;
    assert_eq!(app.reset(&app.token(EMAIL).await, NEW).await["__typename"], "PasswordChanged");
    assert_eq!(app.login(EMAIL, NEW).await["user"]["id"], ada.user_id.as_str());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_link_changes_a_deactivated_account(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    app.sql("UPDATE users SET is_active = FALSE").await;
    assert_eq!(app.reset(&token, NEW).await["code"], "INVALID_TOKEN");
    assert_eq!(app.login(EMAIL, NEW).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "ACCOUNT_DISABLED");
    app.sql("UPDATE users SET is_active = TRUE").await;
    assert_eq!(app.reset(&token, NEW).await["code"], "INVALID_TOKEN", "the link is used up");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_former_address_is_invalid(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    let asked = app.change_email(&ada.access_token, "countess@example.org").await;
    let code = app.code("countess@example.org").await;
    app.verify_as(&ada.access_token, "countess@example.org", &code, Some(&asked["id"])).await;
    assert_eq!(app.reset(&token, NEW).await["code"], "INVALID_TOKEN");
    assert_eq!(app.login("countess@example.org", PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_expires_and_a_password_change_invalidates_it() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up_proven(EMAIL).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    app.advance(Duration::from_mins(30));
    assert_eq!(app.reset(&token, NEW).await["code"], "INVALID_TOKEN");
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    let ada = app.refresh(&ada.refresh_token).await;
    let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }";
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let changed = app.run_as(ada["accessToken"].as_str().unwrap(), change, json!({ "input": input })).await;
    assert_eq!(changed.data("changePassword")["__typename"], "PasswordChanged");
    assert_eq!(app.reset(&token, "another horse altogether").await["code"], "INVALID_TOKEN");
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_without_an_account_get_a_mail_only_if_the_notice_is_enabled() {
    let app = TestApp::with(Sqlite, &[("NO_ACCOUNT_NOTICE", "on")]).await;
    app.request_reset(EMAIL).await;
    let mail = app.inbox(EMAIL).await[0].clone();
    assert_eq!((mail.template, mail.link.is_none()), ("no_account", true));
    let quiet = TestApp::start(Sqlite).await;
    assert_eq!(quiet.request_reset(EMAIL).await["__typename"], "EmailChallenge");
    assert!(quiet.inbox(EMAIL).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_address_is_refused() {
    let app = TestApp::start(Sqlite).await;
    for email in [
        "",
        "ada",
        "ada@",
        &format!("{}@example.org", "a".repeat(320)),
        "ada@example.org\r\nBcc: x@y.z",
        "adа@example.org",
    ] {
        let refused = app.request_reset(email).await;
        assert_eq!(
            (&refused["code"], &refused["fields"][0]["field"]),
            (&json!("INVALID_INPUT"), &json!("email")),
            "{email}"
        );
    }
}
