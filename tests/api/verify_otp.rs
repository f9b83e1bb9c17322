use std::time::Duration;

use gatehouse::storage::{session, user};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

pub(crate) const MANDATORY: (&str, &str) = ("EMAIL_VERIFICATION", "mandatory");
pub(crate) const OTHER: &str = "battery horse correct";

pub(crate) fn wrong(code: &str) -> String {
    let last = code.as_bytes().last().map_or(0, |digit| (digit - b'0' + 1) % 10);
    format!("{}{last}", &code[..code.len() - 1])
}

async fn is_verified(app: &TestApp, access_token: &str) -> bool {
    let me = app.run_as(access_token, "{ me { emailVerified } }", json!({})).await.data("me");
    me["emailVerified"].as_bool().unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn with_optional_verification_a_sign_up_signs_in_and_a_code_verifies_the_address(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let payload = app.register("Ada@Example.org", PASSWORD).await;
    let challenge = &payload["emailChallenge"];
    let told = json!({
        "id": challenge["id"], "purpose": "VERIFY_EMAIL", "method": "OTP", "email": "Ada@Example.org",
        "expiresIn": 600, "resendIn": 60,
    });
    assert_eq!(*challenge, told);
    let ada = SignedIn::from(&payload);
    assert!(!is_verified(&app, &ada.access_token).await);

    // a signed-in user continues in the same session
    let code = app.code(EMAIL).await;
    let proven = app.verify_as(&ada.access_token, EMAIL, &code, Some(&challenge["id"])).await;
    assert_eq!(proven["session"], json!({ "id": ada.session_id, "isCurrent": true }));
    assert_eq!(proven["refreshToken"], Value::Null, "the client keeps its refresh token");
    assert_eq!(app.refresh(&ada.refresh_token).await["__typename"], "AuthPayload");
    assert!(is_verified(&app, &ada.access_token).await);
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["code"], "INVALID_OTP", "single use");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_signs_in_a_client_that_is_signed_out(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let payload = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let spaced = format!(" {} {}-", &code[..4], &code[4..]);
    let proven = app.verify("ADA@example.org", &spaced, None).await;
    assert_eq!(proven["user"]["id"], payload["user"]["id"]);
    assert_ne!(proven["session"]["id"], payload["session"]["id"]);
    assert!(is_verified(&app, proven["accessToken"].as_str().unwrap()).await);
}

/// Only one attempt is allowed, so any malformed code that counted as one would make the right code fail.
#[tokio::test(flavor = "multi_thread")]
async fn codes_work_in_the_digits_of_any_script_and_malformed_codes_cost_no_attempt() {
    let app = TestApp::with(Sqlite, &[("OTP_MAX_ATTEMPTS", "1")]).await;
    let with_zero = |code: &str, zero: char| -> String {
        code.bytes().filter_map(|digit| char::from_u32(u32::from(zero) + u32::from(digit - b'0'))).collect()
    };
    let between =
        |code: &str, letter: char| -> String { code.chars().flat_map(|digit| [digit, letter]).collect() };
    let spell: [&dyn Fn(&str) -> String; 10] = [
        &|code| with_zero(code, '\u{660}'),
        &|code| with_zero(code, '\u{6f0}'),
        &|code| with_zero(code, '\u{966}'),
        &|code| with_zero(code, '\u{ff10}'),
        &|code| with_zero(code, '\u{e50}'),
        &|code| between(code, '\u{a0}'),
        &|code| between(code, '\u{2011}'),
        &|code| between(code, '\u{200b}'),
        &|code| format!("\u{202a}{code}\u{202c}\n"),
        &|code| format!("\u{feff}{} \u{2013} {}", &code[..4], &code[4..]),
    ];
    for (n, spelt) in spell.iter().enumerate() {
        let email = format!("person{n}@example.org");
        let challenge = app.register(&email, PASSWORD).await["emailChallenge"]["id"].clone();
        let code = app.code(&email).await;
        for id in [None, Some(&challenge)] {
            for no_code in ["", " ", "1234", "123456789", "12345678x", "my code", "\u{b2}2345678"] {
                assert_eq!(app.verify(&email, no_code, id).await["code"], "INVALID_OTP", "{no_code}");
            }
        }
        let proven = app.verify(&email, &spelt(&code), Some(&challenge)).await;
        assert_eq!(proven["__typename"], "AuthPayload", "{:?}", spelt(&code));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn with_mandatory_verification_the_code_creates_the_account(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let input = json!({ "email": EMAIL, "username": "ada", "name": "Ada King", "password": PASSWORD });
    let query = "mutation($input: SignupInput!) { signup(input: $input) { __typename ... on EmailChallenge { id resendIn } } }";
    let challenge = app.run(query, json!({ "input": input })).await.data("signup");
    assert_eq!(challenge["__typename"], "EmailChallenge");
    let free = app
        .run(
            "{ usernameAvailable(username: \"ada\") { ... on UsernameAvailability { isAvailable } } }",
            json!({}),
        )
        .await
        .data("usernameAvailable");
    assert_eq!(free["isAvailable"], true, "a pending registration does not reserve a username");

    // a sign-in with the right password returns the challenge, by address or username
    for identifier in [EMAIL, "ADA"] {
        let answer = app.challenged(identifier, PASSWORD).await;
        assert_eq!((&answer["__typename"], &answer["id"]), (&json!("EmailChallenge"), &challenge["id"]));
    }
    assert_eq!(app.login(EMAIL, OTHER).await["code"], "INVALID_CREDENTIALS");

    let code = app.code(EMAIL).await;
    let proven = app.verify(EMAIL, &code, Some(&challenge["id"])).await;
    assert_eq!(proven["user"]["name"], "Ada King");
    assert_eq!(proven["user"]["username"], "ada");
    assert!(is_verified(&app, proven["accessToken"].as_str().unwrap()).await);
    assert_eq!(app.login("ada", PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_code_does_not_sign_in_to_a_verified_account(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.register(EMAIL, PASSWORD).await;
    app.verify(EMAIL, &app.code(EMAIL).await, None).await;
    app.advance(Duration::from_mins(2));
    let challenge = app.resend_otp(EMAIL, None).await;
    assert_eq!(app.inbox(EMAIL).await.len(), 1, "no further email is sent");
    let id: uuid::Uuid = challenge["id"].as_str().unwrap().parse().unwrap();
    let code = secrecy::ExposeSecret::expose_secret(&app.app.tokens.one_time_code(id)).to_owned();
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["code"], "INVALID_OTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_verification_is_reported() {
    let link = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    assert_eq!(link.verify(EMAIL, "12345678", None).await["code"], "INVALID_OTP");
    assert_eq!(link.resend_otp(EMAIL, None).await["code"], "NOT_ENABLED");
    let otp = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", "none")]).await;
    assert_eq!(otp.activate("x").await["code"], "INVALID_TOKEN");
    assert_eq!(otp.resend_link(EMAIL, None).await["code"], "NOT_ENABLED");
    assert_eq!(otp.resend_otp(EMAIL, None).await["code"], "NOT_ENABLED");
    assert_eq!(otp.register(EMAIL, PASSWORD).await["emailChallenge"], Value::Null);
    assert!(otp.inbox(EMAIL).await.is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_code_reveals_that_an_account_is_deactivated(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let challenge = app.register(EMAIL, PASSWORD).await["emailChallenge"]["id"].clone();
    let code = app.code(EMAIL).await;
    app.sql("UPDATE users SET is_active = FALSE").await;
    assert_eq!(app.verify(EMAIL, &wrong(&code), Some(&challenge)).await["code"], "INVALID_OTP");
    let refused = app.verify(EMAIL, &code, Some(&challenge)).await;
    assert_eq!((&refused["__typename"], &refused["code"]), (&json!("UserError"), &json!("ACCOUNT_DISABLED")));
    assert_eq!(
        app.verify(EMAIL, &code, Some(&challenge)).await["code"],
        "INVALID_OTP",
        "the code is used up"
    );
    let ada = user::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
    assert_eq!(ada.email_verified_at, None, "a refused code does not verify the address");
    let sessions = session::Entity::find().count(app.app.db.read()).await.unwrap();
    assert_eq!(sessions, 1, "only the session of the sign-up exists");
}
