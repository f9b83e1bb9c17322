use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp};

const NEW: &str = "countess@example.org";

async fn set_active(app: &TestApp, who: &SignedIn, id: &str, active: bool) -> Value {
    let query = "mutation($id: ID!, $active: Boolean!) { setUserActive(id: $id, active: $active) {
        __typename ... on User { isActive sessions { id } } ... on UserError { code } } }";
    app.run_as(&who.access_token, query, json!({ "id": id, "active": active })).await.data("setUserActive")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_signed_out_everywhere_until_reactivated(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let outcome = set_active(&app, &root, &here.user_id, false).await;
    assert_eq!(outcome, json!({ "__typename": "User", "isActive": false, "sessions": [] }));
    for session in [&here, &there] {
        assert_eq!(app.me(&session.access_token).await, "REVOKED");
        assert_eq!(app.refresh(&session.refresh_token).await["code"], "INVALID_TOKEN");
    }
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "ACCOUNT_DISABLED");
    assert_eq!(set_active(&app, &root, &here.user_id, true).await["isActive"], true);
    assert_eq!(app.me(&here.access_token).await, "REVOKED", "ended sessions stay ended");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn deactivation_invalidates_links_and_codes_mailed_before(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("otp", "link")] method: &str,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION_METHOD", method)]).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let signed_up = app.register(EMAIL, PASSWORD).await;
    let (id, token) = (signed_up["user"]["id"].as_str().unwrap(), signed_up["accessToken"].as_str().unwrap());
    let proof = signed_up["emailChallenge"]["id"].clone();
    let change = app.change_email(token, NEW).await["id"].clone();
    let tokens = async |email: &str| {
        let links = app.inbox(email).await.into_iter().filter_map(|mail| mail.link.clone());
        links.map(|link| link.expose_secret().split_once("#token=").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let (codes, links) = (app.codes(EMAIL).await, tokens(EMAIL).await);
    let (new_codes, new_links) = (app.codes(NEW).await, tokens(NEW).await);
    assert_eq!((codes.len() + links.len(), new_codes.len() + new_links.len()), (1, 1));
    app.advance(Duration::from_secs(1));
    app.request_reset(EMAIL).await;
    let reset = app.token(EMAIL).await;

    assert_eq!(set_active(&app, &root, id, false).await["isActive"], false);
    assert_eq!(set_active(&app, &root, id, true).await["isActive"], true);
    assert_eq!(app.reset(&reset, "battery horse correct").await["code"], "INVALID_TOKEN");
    for code in &codes {
        assert_eq!(app.verify(EMAIL, code, Some(&proof)).await["code"], "INVALID_OTP");
        assert_eq!(app.verify(EMAIL, code, None).await["code"], "INVALID_OTP");
    }
    let ada = app.sign_in(EMAIL).await;
    for code in &new_codes {
        assert_eq!(app.verify_as(&ada.access_token, NEW, code, Some(&change)).await["code"], "INVALID_OTP");
    }
    for link in links.iter().chain(&new_links) {
        assert_eq!(app.activate(link).await["code"], "INVALID_TOKEN");
    }
    let me = app.run_as(&ada.access_token, "{ me { email emailVerified } }", json!({})).await.data("me");
    assert_eq!(me, json!({ "email": EMAIL, "emailVerified": false }));
    app.advance(Duration::from_secs(61));
    app.request_reset(EMAIL).await;
    let asked_since = app.token(EMAIL).await;
    assert_eq!(app.reset(&asked_since, "battery horse correct").await["__typename"], "PasswordChanged");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn queued_mails_to_a_deactivated_user_are_not_sent(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let ada = app.sign_up(EMAIL).await;
    app.change_email(&ada.access_token, NEW).await;
    app.request_reset(EMAIL).await;
    set_active(&app, &root, &ada.user_id, false).await;
    app.advance(Duration::from_secs(61));
    app.request_reset(EMAIL).await;
    assert_eq!((app.inbox(EMAIL).await.len(), app.inbox(NEW).await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn superusers_can_deactivate_neither_themselves_nor_an_unknown_user() {
    let app = TestApp::start(Sqlite).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    assert_eq!(set_active(&app, &root, &root.user_id, false).await["code"], "NOT_ALLOWED");
    assert_eq!(set_active(&app, &root, &root.session_id, false).await["code"], "NOT_FOUND");
    assert_eq!(app.me(&root.access_token).await, "root@example.org");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_racing_login_survives_a_deactivation(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[("RATE_LIMITS", "off")]).await);
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let ada = app.sign_up(EMAIL).await;
    for _ in 0..20 {
        let logins = (0..8).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.login(EMAIL, PASSWORD).await })
        });
        let (off, logins) = tokio::join!(set_active(&app, &root, &ada.user_id, false), join_all(logins));
        assert_eq!(off["isActive"], false);
        for login in logins.into_iter().map(Result::unwrap).filter(|login| login["code"].is_null()) {
            assert_eq!(app.me(login["accessToken"].as_str().unwrap()).await, "REVOKED");
        }
        set_active(&app, &root, &ada.user_id, true).await;
        let me = "query($id: ID!) { user(id: $id) { sessions { id } } }";
        let ada = app.run_as(&root.access_token, me, json!({ "id": ada.user_id })).await.data("user");
        assert_eq!(ada["sessions"], json!([]));
    }
}
