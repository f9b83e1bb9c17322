//! Signing up with a code or link, without a password.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use gatehouse::{
    outbox::send_due,
    storage::{session, user},
};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp, database::connect,
};

const WHO: &str = "{ me { email emailVerified hasPassword username } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_or_link_creates_an_account_where_sign_ups_are_allowed(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("none", "optional", "mandatory")] mode: &str,
    #[values("code", "bare code", "link")] by: &str,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", mode)]).await;
    let asked = app.request_login_code(EMAIL).await;
    let mail = app.inbox(EMAIL).await[0].clone();
    assert!(mail.text.contains(&format!("to create a Gatehouse account for {EMAIL}")), "{}", mail.text);
    let (code, token) = (app.code(EMAIL).await, app.token_in(EMAIL, "login_code").await.unwrap());
    assert_eq!(
        app.challenged(EMAIL, PASSWORD).await["code"],
        "INVALID_CREDENTIALS",
        "there is no account yet"
    );
    let owner = match by {
        "code" => app.verify(EMAIL, &code, Some(&asked["id"])).await,
        "bare code" => app.verify(EMAIL, &code, None).await,
        _ => app.activate(&token).await,
    };
    let owner = SignedIn::from(&owner);
    let me = app.run_as(&owner.access_token, WHO, json!({})).await.data("me");
    let expected = json!({ "email": EMAIL, "emailVerified": true, "hasPassword": false, "username": null });
    assert_eq!(me, expected);
    assert_eq!(app.activate(&token).await["code"], "INVALID_TOKEN", "single use");
    app.advance(Duration::from_mins(2));
    let asked = app.request_login_code(EMAIL).await;
    let again = app.verify(EMAIL, &app.code(EMAIL).await, Some(&asked["id"])).await;
    assert_eq!(SignedIn::from(&again).user_id, owner.user_id, "the next code signs in to the same account");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_sign_ups_a_code_creates_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("SIGNUP", "off"), ("NO_ACCOUNT_NOTICE", "on")]).await;
    let asked = app.request_login_code(EMAIL).await;
    send_due(&app.app).await.unwrap();
    let mail = app.inbox(EMAIL).await[0].clone();
    assert_eq!((mail.template, mail.code.is_none(), mail.link.is_none()), ("no_account", true, true));
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    let code = app.app.tokens.one_time_code(id);
    let code = secrecy::ExposeSecret::expose_secret(&code);
    assert_eq!(app.verify(EMAIL, code, Some(&asked["id"])).await["code"], "INVALID_OTP");
}

/// The person who began the registration still has its challenge ID and its password.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_registration_in_progress_reaches_the_account(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let query = "mutation($input: SignupInput!) { signup(input: $input) { ... on EmailChallenge { id } } }";
    let input = json!({ "email": EMAIL, "password": PASSWORD, "username": "squatter" });
    let begun = app.run(query, json!({ "input": input })).await.data("signup");
    let of_registration = app.code(EMAIL).await;
    app.advance(Duration::from_mins(2));
    let asked = app.request_login_code(EMAIL).await;
    let owner = SignedIn::from(&app.verify(EMAIL, &app.code(EMAIL).await, Some(&asked["id"])).await);
    let me = app.run_as(&owner.access_token, WHO, json!({})).await.data("me");
    assert_eq!((&me["hasPassword"], &me["username"]), (&json!(false), &json!(null)));
    assert_eq!(app.verify(EMAIL, &of_registration, Some(&begun["id"])).await["code"], "INVALID_OTP");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.me(&owner.access_token).await, EMAIL);
    let name =
        "{ usernameAvailable(username: \"squatter\") { ... on UsernameAvailability { isAvailable } } }";
    let name = app.run(name, json!({})).await.data("usernameAvailable");
    assert_eq!(name["isAvailable"], true, "the registration no longer holds the name");
}

/// The owner of the account gave up the address less than 72 hours ago.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_address_gets_no_second_account(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_long_ago(EMAIL).await;
    let asked = app.change_email(&ada.access_token, "new@example.org").await;
    let code = app.code("new@example.org").await;
    app.verify_as(&ada.access_token, "new@example.org", &code, Some(&asked["id"])).await;
    let asked = app.request_login_code(EMAIL).await;
    let refused = app.verify(EMAIL, &app.code(EMAIL).await, Some(&asked["id"])).await;
    assert_eq!(refused["code"], "EMAIL_TAKEN");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_64_racing_codes_of_several_mails_one_creates_the_account(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[("OTP_MAX_ATTEMPTS", "20")]).await);
    let mut mailed = Vec::new();
    for _ in 0..2 {
        let asked = app.request_login_code(EMAIL).await;
        mailed.push((
            asked["id"].clone(),
            app.code(EMAIL).await,
            app.token_in(EMAIL, "login_code").await.unwrap(),
        ));
        app.advance(Duration::from_mins(2));
    }
    let proofs = (0..64).map(|n| {
        let (app, (id, code, token)) = (app.clone(), mailed[n % 2].clone());
        tokio::spawn(async move {
            // a busy machine may refuse some with SERVICE_UNAVAILABLE
            let (field, variables) = if n % 4 < 2 {
                ("activateAccount(token: $token)", json!({ "token": token }))
            } else {
                (
                    "verifyOtp(input: $input)",
                    json!({ "input": { "email": EMAIL, "otp": code, "challengeId": id } }),
                )
            };
            let types = if n % 4 < 2 { "$token: String!" } else { "$input: VerifyOtpInput!" };
            let query = format!("mutation({types}) {{ answer: {field} {{ __typename }} }}");
            app.run(&query, variables).await.body["data"]["answer"]["__typename"].clone()
        })
    });
    let answers: Vec<Value> = join_all(proofs).await.into_iter().map(Result::unwrap).collect();
    let signed_in = answers.iter().filter(|answer| *answer == "AuthPayload").count();
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let users = user::Entity::find().all(&rows).await.unwrap().len();
    let sessions = session::Entity::find().all(&rows).await.unwrap().len();
    assert_eq!((signed_in, users, sessions), (1, 1, 1), "{answers:?}");
}
