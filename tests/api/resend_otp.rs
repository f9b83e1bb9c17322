//! Codes that are emailed again, and what the responses reveal about an address.

use std::time::Duration;

use gatehouse::outbox::send_due;
use rstest::rstest;
use serde_json::json;

use crate::{
    support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp},
    verify_otp::{MANDATORY, OTHER, wrong},
};

#[tokio::test(flavor = "multi_thread")]
async fn codes_expire_and_are_replaced_only_by_resends_with_their_id() {
    let app = TestApp::start(Sqlite).await;
    let first = app.register(EMAIL, PASSWORD).await["emailChallenge"].clone();
    let old = app.code(EMAIL).await;
    assert_eq!(app.resend_otp(EMAIL, Some(&first["id"])).await["retryAfter"], 60);
    app.advance(Duration::from_mins(1));
    let second = app.resend_otp(EMAIL, Some(&first["id"])).await;
    assert_eq!(second["__typename"], "EmailChallenge");
    let new = app.code(EMAIL).await;
    assert_eq!(app.verify(EMAIL, &old, Some(&first["id"])).await["code"], "INVALID_OTP");
    app.advance(Duration::from_secs(599));
    let other = app.resend_otp(EMAIL, None).await;
    assert_eq!(
        app.verify(EMAIL, &wrong(&new), Some(&second["id"])).await["code"],
        "INVALID_OTP",
        "a stranger's resend changes nothing"
    );
    app.advance(Duration::from_secs(1));
    assert_eq!(app.verify(EMAIL, &new, Some(&second["id"])).await["code"], "INVALID_OTP", "expired");
    let newest = app.code(EMAIL).await;
    assert_eq!(app.verify(EMAIL, &newest, Some(&other["id"])).await["__typename"], "AuthPayload");
}

/// Accounts, pending registrations and unknown addresses all get the same response.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_resend_reveals_nothing_about_the_address(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[MANDATORY, ("NO_ACCOUNT_NOTICE", "on")]).await;
    app.register_and_prove(EMAIL, PASSWORD).await;
    app.register("grace@example.org", PASSWORD).await;
    app.advance(Duration::from_mins(2));
    let people = [EMAIL, "grace@example.org", "nobody@example.org"];
    for ask in 0..3 {
        let mut answers = Vec::new();
        for email in people {
            let mut answer = match ask {
                0 => app.resend_otp(email, None).await,
                1 => app.request_reset(email).await,
                _ => {
                    app.advance(Duration::from_mins(2));
                    app.register(email, OTHER).await
                }
            };
            assert_eq!(answer["email"], email);
            answer["id"] = json!("…");
            answer["email"] = json!("…");
            answers.push(answer);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(answers[0]["__typename"], "EmailChallenge");
        send_due(&app.app).await.unwrap();
    }
    let newest =
        async |email: &str| app.inbox(email).await.iter().map(|mail| mail.template).collect::<Vec<_>>();
    assert_eq!(newest(EMAIL).await, ["address_taken", "password_reset", "one_time_code"]);
    assert_eq!(
        newest("grace@example.org").await,
        ["one_time_code", "no_account", "one_time_code", "one_time_code"]
    );
    assert_eq!(newest("nobody@example.org").await, ["one_time_code", "no_account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_one_address_are_limited_by_purpose() {
    let app = TestApp::start(Sqlite).await;
    let mut sent = 0;
    let mut waits = Vec::new();
    for _ in 0..60 {
        let answer = app.resend_otp(EMAIL, None).await;
        if answer["__typename"] == "EmailChallenge" {
            sent += 1;
            waits.push(answer["resendIn"].as_i64().unwrap());
        } else {
            assert_eq!(answer["code"], "RATE_LIMITED");
        }
        app.advance(Duration::from_mins(1));
    }
    assert_eq!(
        (sent, &waits[..7]),
        (11, &[60, 60, 60, 60, 60, 300, 600][..]),
        "six emails, then one every ten minutes"
    );
    assert_eq!(app.request_reset(EMAIL).await["__typename"], "EmailChallenge");
    app.advance(Duration::from_hours(24));
    assert_eq!(app.resend_otp(EMAIL, None).await["resendIn"], 60);
}

/// Makes all addresses unverified, like those of accounts created before verification was mandatory.
pub(crate) async fn unprove(app: &TestApp) {
    app.sql("UPDATE users SET email_verified_at = NULL").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_an_unverified_address_sends_one_code(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let ada = app.register_and_prove(EMAIL, PASSWORD).await;
    unprove(&app).await;
    app.advance(Duration::from_mins(2));
    let first = app.challenged(EMAIL, PASSWORD).await;
    assert_eq!((&first["__typename"], &first["purpose"]), (&json!("EmailChallenge"), &json!("VERIFY_EMAIL")));
    assert_eq!((&first["expiresIn"], &first["resendIn"]), (&json!(600), &json!(60)));
    assert_eq!(app.codes(EMAIL).await.len(), 2);
    app.advance(Duration::from_secs(590));
    let again = app.challenged(EMAIL, PASSWORD).await;
    assert_eq!((&again["id"], &again["expiresIn"]), (&first["id"], &json!(10)));
    assert_eq!(app.codes(EMAIL).await.len(), 2, "no further email is sent");
    app.advance(Duration::from_secs(10));
    let next = app.challenged(EMAIL, PASSWORD).await;
    assert_ne!(next["id"], first["id"]);
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, Some(&next["id"])).await;
    assert_eq!(proven["user"]["id"], ada["user"]["id"]);
    assert_eq!(app.challenged(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}
