//! Undoing a security change with the link in its notice: what is restored, what is not, and who cannot do it.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    google::{ada, id_token},
};

const NEW: &str = "countess@example.org";
pub(crate) const OTHER: &str = "battery horse correct";

pub(crate) const THIEFS: &str = "a thief chose this one";

pub(crate) async fn change_password(app: &TestApp, access_token: &str, current: &str, new: &str) -> Value {
    let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename
        ... on UserError { code } } }";
    let input = json!({ "currentPassword": current, "newPassword": new });
    app.run_as(access_token, query, json!({ "input": input })).await.data("changePassword")
}

/// Changes the address of the account, with its current password as the proof.
async fn move_to(app: &TestApp, person: &SignedIn, password: &str, email: &str) -> Value {
    let query =
        "mutation($input: ChangeEmailInput!) { changeEmail(input: $input) { ... on EmailChallenge { id }
        ... on UserError { code } } }";
    let input = json!({ "newEmail": email, "currentPassword": password });
    let asked = app.run_as(&person.access_token, query, json!({ "input": input })).await.data("changeEmail");
    let code = app.code(email).await;
    let moved = app.verify_as(&person.access_token, email, &code, Some(&asked["id"])).await;
    assert_eq!(moved["user"]["email"], email, "{moved}");
    moved
}

fn password(text: &str) -> Value {
    json!({ "password": text })
}

/// Makes a person's ID tokens valid for years, so that the clock can advance by days.
pub(crate) fn lasting(mut person: Value) -> Value {
    person["exp"] = json!(4_102_444_800_i64);
    person
}

pub(crate) async fn works(app: &TestApp, email: &str, password: &str) -> bool {
    app.login(email, password).await["__typename"] == "AuthPayload"
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_password_change_does_not_restore_the_old_password(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let thief = app.sign_up_long_ago(EMAIL).await;
    assert_eq!(
        change_password(&app, &thief.access_token, PASSWORD, THIEFS).await["__typename"],
        "PasswordChanged"
    );
    let token = app.token_in(EMAIL, "password_changed").await.unwrap();
    let reset = app.revert(&token, None).await;
    assert_eq!((&reset["purpose"], &reset["email"]), (&json!("RESET_PASSWORD"), &json!(EMAIL)));
    assert_eq!(app.me(&thief.access_token).await, "REVOKED", "every session ends, and none starts");
    for password in [PASSWORD, THIEFS] {
        assert!(!works(&app, EMAIL, password).await, "the account has no password");
    }
    assert_eq!(app.revert(&token, None).await["code"], "INVALID_TOKEN", "single use");
    let set = app.reset(&app.token_in(EMAIL, "password_reset").await.unwrap(), OTHER).await;
    assert_eq!(set["__typename"], "PasswordChanged");
    assert!(works(&app, EMAIL, OTHER).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn strangers_requests_cannot_block_the_reset_mail_of_an_undo(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let thief = app.sign_up_long_ago(EMAIL).await;
    change_password(&app, &thief.access_token, PASSWORD, THIEFS).await;
    let token = app.token_in(EMAIL, "password_changed").await.unwrap();
    for _ in 0..10 {
        app.request_reset(EMAIL).await;
        app.advance(Duration::from_secs(61));
    }
    assert_eq!(app.request_reset(EMAIL).await["code"], "RATE_LIMITED");
    assert_eq!(app.revert(&token, None).await["__typename"], "EmailChallenge");
    let set = app.reset(&app.token_in(EMAIL, "password_reset").await.unwrap(), OTHER).await;
    assert_eq!(set["__typename"], "PasswordChanged");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_returns_only_with_a_proof_from_before_the_change(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let thief = app.sign_up_long_ago(EMAIL).await;
    move_to(&app, &thief, PASSWORD, NEW).await;
    let token = app.token_in(EMAIL, "email_changed").await.unwrap();
    // a thief who can read the old mailbox
    assert_eq!(app.revert(&token, None).await["code"], "REAUTHENTICATION_REQUIRED");
    for proof in [json!({ "password": "wrong horse battery" }), json!({ "emailCode": "12345678" })] {
        assert_eq!(app.revert(&token, Some(proof)).await["code"], "INVALID_CREDENTIALS");
    }
    assert_eq!(app.me(&thief.access_token).await, NEW, "the failed attempts changed nothing");

    let reset = app.revert(&token, Some(password(PASSWORD))).await;
    assert_eq!((&reset["purpose"], &reset["email"]), (&json!("RESET_PASSWORD"), &json!(EMAIL)));
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    app.reset(&app.token_in(EMAIL, "password_reset").await.unwrap(), OTHER).await;
    let owner = app.login(EMAIL, OTHER).await;
    assert_eq!(owner["user"]["id"], thief.user_id.as_str());
    let me = app.run_as(owner["accessToken"].as_str().unwrap(), "{ me { emailVerified } }", json!({})).await;
    assert_eq!(me.data("me")["emailVerified"], true);
    assert!(!works(&app, NEW, PASSWORD).await);
}

/// The thief changes the password first, so the password from before the change of address is the thief's own.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn undoing_the_first_of_several_changes_undoes_them_all(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let thief = app.sign_up_long_ago(EMAIL).await;
    change_password(&app, &thief.access_token, PASSWORD, THIEFS).await;
    move_to(&app, &thief, THIEFS, NEW).await;
    let first = app.token_in(EMAIL, "password_changed").await.unwrap();
    let second = app.token_in(EMAIL, "email_changed").await.unwrap();
    assert_eq!(app.revert(&second, Some(password(PASSWORD))).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.revert(&first, Some(password(THIEFS))).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.revert(&first, Some(password(PASSWORD))).await["email"], EMAIL);
    assert_eq!(
        app.revert(&second, Some(password(THIEFS))).await["code"],
        "INVALID_TOKEN",
        "undoing an earlier change invalidates later links"
    );
    app.reset(&app.token_in(EMAIL, "password_reset").await.unwrap(), OTHER).await;
    assert!(works(&app, EMAIL, OTHER).await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_recently_verified_address_gets_no_link(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let thief = app.sign_up_long_ago(EMAIL).await;
    move_to(&app, &thief, PASSWORD, NEW).await;
    change_password(&app, &thief.access_token, PASSWORD, OTHER).await;
    assert_eq!(app.token_in(NEW, "password_changed").await, None, "the address was verified only recently");
    // a -> b -> a
    move_to(&app, &thief, OTHER, EMAIL).await;
    assert_eq!(app.token_in(NEW, "email_changed").await, None);
    let first = app.token_in(EMAIL, "email_changed").await.unwrap();
    assert_eq!(app.revert(&first, Some(password(PASSWORD))).await["email"], EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_former_address_is_reserved_for_three_days(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("optional", "mandatory")] mode: &str,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", mode)]).await;
    let begun = app.register(EMAIL, PASSWORD).await;
    let id = if mode == "mandatory" { &begun["id"] } else { &begun["emailChallenge"]["id"] };
    app.verify(EMAIL, &app.code(EMAIL).await, Some(id)).await;
    app.advance(Duration::from_hours(73));
    let person = SignedIn::from(&app.login(EMAIL, PASSWORD).await);
    move_to(&app, &person, PASSWORD, NEW).await;
    let take = async || {
        let answer = app.register(EMAIL, OTHER).await;
        if mode == "mandatory" {
            return app.verify(EMAIL, &app.code(EMAIL).await, Some(&answer["id"])).await;
        }
        answer
    };
    assert_eq!(take().await["code"], "EMAIL_TAKEN");
    let grace = app.register("grace@example.org", PASSWORD).await;
    if mode == "optional" {
        let grace = SignedIn::from(&grace);
        let asked = app.change_email(&grace.access_token, EMAIL).await;
        let code = app.code(EMAIL).await;
        let refused = app.verify_as(&grace.access_token, EMAIL, &code, Some(&asked["id"])).await;
        assert_eq!(refused["code"], "EMAIL_TAKEN");
    }
    let token = app.token_in(EMAIL, "email_changed").await.unwrap();
    app.advance(Duration::from_hours(72));
    assert_eq!(app.revert(&token, Some(password(PASSWORD))).await["code"], "INVALID_TOKEN", "expired");
    assert_eq!(take().await["__typename"], "AuthPayload", "the address is free again");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn linked_accounts_are_removed_and_unlinked_ones_restored(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    app.sign_up_long_ago(EMAIL).await;
    let owner = app.sign_in(EMAIL).await;
    app.link_identity(&owner.access_token, id_token(&google, &lasting(ada()))).await;
    let linked = app.token_in(EMAIL, "identity_linked").await.unwrap();
    app.advance(Duration::from_hours(1));
    let thief = app.sign_in(EMAIL).await;
    app.unlink_identities(&thief.access_token).await;
    let eve = lasting(json!({ "sub": "4711", "email": "eve@gmail.com", "email_verified": true }));
    app.link_identity(&thief.access_token, id_token(&google, &eve)).await;
    let unlinked = app.token_in(EMAIL, "identity_unlinked").await.unwrap();
    assert_eq!(app.revert(&unlinked, None).await["email"], EMAIL);
    let back = app.google_login(id_token(&google, &lasting(ada()))).await;
    assert_eq!(back["user"]["id"], owner.user_id.as_str(), "the unlinked account signs in again");
    let eves = app.google_login(id_token(&google, &eve)).await;
    assert_ne!(eves["user"]["id"], owner.user_id.as_str(), "the account linked since then does not");

    assert_eq!(app.revert(&linked, None).await["email"], EMAIL, "an earlier link still works");
    let gone = app.google_login(id_token(&google, &lasting(ada()))).await;
    assert_ne!(gone["user"]["id"], owner.user_id.as_str());
}

/// What a reset unlinks after `googleLogin` and `linkIdentity`, and what its notice says.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_unlinks_accounts_that_were_linked_since_the_password_was_set(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let own = SignedIn::from(&app.google_login(id_token(&google, &lasting(ada()))).await);
    app.advance(Duration::from_mins(1));
    let eve = lasting(json!({ "sub": "4711", "email": "eve@gmail.com", "email_verified": true }));
    let linked = app.link_identity(&own.access_token, id_token(&google, &eve)).await;
    assert_eq!(linked["__typename"], "User", "{linked}");
    app.request_reset("ada@gmail.com").await;
    app.reset(&app.token_in("ada@gmail.com", "password_reset").await.unwrap(), OTHER).await;
    let notice = app.inbox("ada@gmail.com").await[0].clone();
    assert_eq!(notice.template, "password_was_reset");
    let (removed, left) = notice.text.split_once("You can still sign in with").unwrap();
    assert!(removed.contains("eve@gmail.com") && !left.contains("eve@gmail.com"), "{}", notice.text);
    assert!(left.contains("ada@gmail.com"), "{}", notice.text);
    let eves = app.google_login(id_token(&google, &eve)).await;
    assert_ne!(eves["user"]["id"], own.user_id.as_str(), "an account linked by a thief does not survive");
    let back = app.google_login(id_token(&google, &lasting(ada()))).await;
    assert_eq!(back["user"]["id"], own.user_id.as_str(), "the Google account that created the user does");
}
