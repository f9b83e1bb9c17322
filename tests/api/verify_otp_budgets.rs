//! How many attempts at codes are allowed.

use std::{collections::HashSet, time::Duration};

use gatehouse::config::{Budget, Config, Mode};
use rstest::rstest;

use crate::{
    support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp},
    verify_otp::{MANDATORY, OTHER, wrong},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn attempts_count_only_against_their_own_challenge(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[MANDATORY]).await;
    let (one, two) = (app.register(EMAIL, PASSWORD).await, Duration::from_secs(61));
    app.advance(two);
    let two = app.register(EMAIL, OTHER).await;
    let codes = app.codes(EMAIL).await;
    let (code_two, code_one) = (&codes[0], &codes[1]);
    for n in 0..5 {
        assert_eq!(app.verify(EMAIL, &wrong(code_one), Some(&one["id"])).await["code"], "INVALID_OTP", "{n}");
    }
    assert_eq!(
        app.verify(EMAIL, code_one, Some(&one["id"])).await["code"],
        "INVALID_OTP",
        "the attempts are used up"
    );
    assert_eq!(
        app.verify(EMAIL, code_one, Some(&two["id"])).await["code"],
        "INVALID_OTP",
        "the code belongs to another challenge"
    );
    assert_eq!(app.verify("grace@example.org", code_two, Some(&two["id"])).await["code"], "INVALID_OTP");
    assert_eq!(app.verify(EMAIL, code_two, Some(&two["id"])).await["__typename"], "AuthPayload");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, OTHER).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guesses_without_an_id_do_not_use_up_the_owners_challenge(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[MANDATORY]).await;
    let challenge = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let guesses: Vec<String> = (0..1000).map(|n| format!("{n:08}")).filter(|guess| *guess != code).collect();
    let mut answers = HashSet::new();
    let mut judged = 0;
    for guess in &guesses {
        let answer = app.verify(EMAIL, guess, None).await;
        judged += usize::from(answer["code"] == "INVALID_OTP");
        answers.insert(answer["code"].to_string());
    }
    assert_eq!(judged, 20);
    assert_eq!(answers.len(), 2);
    assert_eq!(app.verify(EMAIL, &code, None).await["code"], "RATE_LIMITED");
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["__typename"], "AuthPayload");
}

/// A challenge and all emails that replace it share one budget of attempts.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_that_replace_each_other_share_twenty_attempts_a_day(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [("RATE_LIMIT_MAILS", "1000/1h"), ("RATE_LIMIT_MAILS_DAY", "1000/24h")];
    let app = TestApp::with(database, &settings).await;
    let own = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let mut judged = 0;
    let mut newest = app.resend_otp(EMAIL, None).await;
    for _ in 0..8 {
        app.advance(Duration::from_secs(61));
        newest = app.resend_otp(EMAIL, Some(&newest["id"])).await;
        for _ in 0..5 {
            match app.verify(EMAIL, "00000000", Some(&newest["id"])).await["code"].as_str().unwrap() {
                "RATE_LIMITED" => {}
                _ => judged += 1,
            }
        }
    }
    assert_eq!(judged, 20);
    let proven = app.verify(EMAIL, &code, Some(&own["emailChallenge"]["id"])).await;
    assert_eq!(
        proven["__typename"], "AuthPayload",
        "attempts with one ID do not count against another: {proven}"
    );
}

/// The chance of an attacker who guesses codes for one email address all year, from any number of IP addresses. The
/// threat model in `.github/SECURITY.md` quotes it.
#[test]
fn a_year_of_guessing_at_one_address_succeeds_once_in_700_or_more() {
    let config = Config::load(Mode::Command, &std::iter::empty::<(&str, &str)>().collect()).unwrap();
    let a_day = |budget: Budget| f64::from(budget.count) * 86_400.0 / budget.period.as_secs_f64();
    let most = f64::from(config.codes.otp_max_attempts);
    // each email is a separate challenge with its own attempts
    let to_prove = config.budgets.mails_in_a_day;
    let by_mails = (a_day(to_prove) + 86_400.0 / config.codes.login_code_ttl.as_secs_f64()) * most;
    let tries = by_mails + a_day(config.budgets.bare_codes) * 2.0;
    let codes = 10_f64.powi(i32::from(config.codes.otp_length));
    let risk = tries * 365.0 / codes;
    assert!(risk < 1.0 / 700.0, "{tries} tries a day: {risk}");
}
