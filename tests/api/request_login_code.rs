use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use gatehouse::outbox::send_due;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_or_link_signs_in_once_in_every_mode_and_method(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("none", "optional", "mandatory")] mode: &str,
    #[values("otp", "link")] method: &str,
) {
    let settings = [("EMAIL_VERIFICATION", mode), ("EMAIL_VERIFICATION_METHOD", method)];
    let app = TestApp::with(database, &settings).await;
    let begun = app.register(EMAIL, PASSWORD).await;
    if mode == "mandatory" {
        match method {
            "otp" => app.verify(EMAIL, &app.code(EMAIL).await, Some(&begun["id"])).await,
            _ => app.activate_with(&app.token(EMAIL).await, json!({ "challengeId": begun["id"] })).await,
        };
    }
    app.advance(Duration::from_mins(2));
    let asked = app.request_login_code("ADA@example.org").await;
    assert_eq!(
        (&asked["purpose"], &asked["method"], &asked["expiresIn"]),
        (&json!("SIGN_IN"), &json!("OTP"), &json!(1800))
    );
    let mail = app.inbox(EMAIL).await[0].clone();
    assert_eq!(mail.template, "login_code");
    assert!(mail.text.contains(EMAIL), "the email names the account");
    let (code, token) = (app.code(EMAIL).await, app.token_in(EMAIL, "login_code").await.unwrap());
    let query = "mutation($input: VerifyOtpInput!) { verifyOtp(input: $input) { ... on AuthPayload {
        refreshToken user { email emailVerified } session { methods } } } }";
    let input = json!({ "email": EMAIL, "otp": code, "challengeId": asked["id"] });
    let signed_in = app.run(query, json!({ "input": input })).await.data("verifyOtp");
    assert_eq!(
        (&signed_in["user"]["emailVerified"], &signed_in["session"]["methods"]),
        (&json!(true), &json!(["EMAIL_CODE"]))
    );
    assert!(signed_in["refreshToken"].is_string());
    assert_eq!(app.verify(EMAIL, &code, Some(&asked["id"])).await["code"], "INVALID_OTP", "single use");
    assert_eq!(app.activate(&token).await["code"], "INVALID_TOKEN", "using the code invalidates the link");

    app.advance(Duration::from_mins(2));
    app.request_login_code(EMAIL).await;
    let token = app.token_in(EMAIL, "login_code").await.unwrap();
    assert_eq!(app.activate(&token).await["__typename"], "AuthPayload");
    assert_eq!(app.activate(&token).await["code"], "INVALID_TOKEN", "single use");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_address_gets_the_same_response(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let begun = app.register(EMAIL, PASSWORD).await;
    app.verify(EMAIL, &app.code(EMAIL).await, Some(&begun["id"])).await;
    app.register("grace@example.org", PASSWORD).await;
    let mut answers = Vec::new();
    for email in [EMAIL, "grace@example.org", "nobody@example.org"] {
        let mut answer = app.request_login_code(email).await;
        assert_eq!(answer["email"], email);
        for field in ["id", "email"] {
            answer[field].take();
        }
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    send_due(&app.app).await.unwrap();
    for email in ["grace@example.org", "nobody@example.org"] {
        let mail = app.inbox(email).await[0].clone();
        let creates = mail.text.contains("No account uses this email address yet.");
        assert_eq!((mail.template, creates), ("login_code", true), "a registration is not an account");
    }
}

/// A stranger signed up with the address. The owner signs in with a code, with or without its ID, or with a link.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_an_unverified_address_loses_everything_a_stranger_chose(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("code", "bare code", "link")] by: &str,
) {
    let app = TestApp::start(database).await;
    let stranger = app.sign_up(EMAIL).await;
    let identity = format!(
        "INSERT INTO identities (id, user_id, provider, issuer, subject, linked_at) SELECT id, id, 'google', \
         'https://accounts.google.com', '42', created_at FROM users WHERE email = '{EMAIL}'"
    );
    app.sql(&identity).await;
    let asked = app.request_login_code(EMAIL).await;
    assert!(app.inbox(EMAIL).await[0].text.contains("removes any existing password"));
    let owner = match by {
        "code" => app.verify(EMAIL, &app.code(EMAIL).await, Some(&asked["id"])).await,
        "bare code" => app.verify(EMAIL, &app.code(EMAIL).await, None).await,
        _ => app.activate(&app.token_in(EMAIL, "login_code").await.unwrap()).await,
    };
    let owner = SignedIn::from(&owner);
    assert_eq!(owner.user_id, stranger.user_id);
    assert_eq!(app.me(&stranger.access_token).await, "REVOKED");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    let ways = app.run_as(&owner.access_token, "{ me { hasPassword identities { id } } }", json!({})).await;
    assert_eq!(ways.data("me"), json!({ "hasPassword": false, "identities": [] }));
    let first =
        "mutation { changePassword(input: { newPassword: \"battery horse correct\" }) { __typename } }";
    let set = app.run_as(&owner.access_token, first, json!({})).await.data("changePassword");
    assert_eq!(set["__typename"], "PasswordChanged", "the owner can set a password at once");
    assert_eq!(app.login(EMAIL, "battery horse correct").await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_codes_and_links_signs_in(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[("OTP_MAX_ATTEMPTS", "20")]).await);
    app.sign_up_proven(EMAIL).await;
    let asked = app.request_login_code(EMAIL).await;
    let (code, token) = (app.code(EMAIL).await, app.token_in(EMAIL, "login_code").await.unwrap());
    let proofs = (0..64).map(|n| {
        let (app, code, token, id) = (app.clone(), code.clone(), token.clone(), asked["id"].clone());
        tokio::spawn(async move {
            if n % 2 == 0 { app.activate(&token).await } else { app.verify(EMAIL, &code, Some(&id)).await }
        })
    });
    let answers: Vec<Value> = join_all(proofs).await.into_iter().map(Result::unwrap).collect();
    let signed_in = answers.iter().filter(|answer| answer["__typename"] == "AuthPayload").count();
    assert_eq!(signed_in, 1, "{answers:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_one_purpose_does_not_work_for_another(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let asked = app.start_reauthentication(&ada.access_token, true).await;
    let code = app.code(EMAIL).await;
    for id in [Some(&asked["id"]), None] {
        assert_eq!(app.verify(EMAIL, &code, id).await["code"], "INVALID_OTP");
    }
    let asked = app.change_email(&ada.access_token, "new@example.org").await;
    let code = app.code("new@example.org").await;
    assert_eq!(app.verify("new@example.org", &code, None).await["code"], "INVALID_OTP");
    let as_proof = app.reauthenticate(&ada.access_token, &asked["id"], json!({ "emailCode": code })).await;
    assert_eq!(as_proof["code"], "INVALID_TOKEN");
    app.request_reset(EMAIL).await;
    let reset = app.token(EMAIL).await;
    assert_eq!(app.activate(&reset).await["code"], "INVALID_TOKEN");
    app.request_login_code(EMAIL).await;
    let login = app.token_in(EMAIL, "login_code").await.unwrap();
    assert_eq!(app.reset(&login, "battery horse correct").await["code"], "INVALID_TOKEN");
    assert_eq!(app.revert(&login, None).await["code"], "INVALID_TOKEN");
}
