//! Guessing over days: strangers run out of guesses, whether or not the account exists, but the owner can sign in.

use std::time::Duration;

use gatehouse::storage::{Timestamp, Txn, known_address};
use rstest::rstest;
use sea_orm::EntityTrait;
use serde_json::json;

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp, database::connect};

const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");
const HOME: &str = "198.51.100.7";
const HOTEL: &str = "192.0.2.77";
const WRONG: &str = "wrong horse battery";
const HOUR: Duration = Duration::from_hours(1);

async fn is_signed_in(app: &TestApp, from: &str, identifier: &str) -> bool {
    app.login_from(from, identifier, PASSWORD).await["__typename"] == "AuthPayload"
}

/// The response to a guess: the code, and the seconds to wait.
type Guessed = (String, i64);

/// Tries wrong passwords, each from a different address.
async fn guess(app: &TestApp, identifier: &str, subnet: u8, guesses: u32) -> Vec<Guessed> {
    let mut answers = Vec::new();
    for n in 0..guesses {
        let answer = app.login_from(&format!("10.{subnet}.{n}.1"), identifier, WRONG).await;
        let code = answer["code"].as_str().unwrap().to_owned();
        answers.push((code, answer["retryAfter"].as_i64().unwrap_or_default()));
    }
    answers
}

fn looked_at(answers: &[Guessed]) -> usize {
    answers.iter().filter(|(code, _)| code == "INVALID_CREDENTIALS").count()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_a_hundred_failures_a_month_that_no_sign_in_clears(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    let mut answers = [const { Vec::new() }; 3];
    for hour in 0..4 {
        for (subnet, identifier) in (0..).zip([EMAIL, "nobody@example.org", "nobody"]) {
            answers[usize::from(subnet)].extend(guess(&app, identifier, 3 * hour + subnet, 40).await);
        }
        app.advance(HOUR);
        // the owner signs in from a new address each time, while the budget lasts
        assert_eq!(is_signed_in(&app, &format!("192.0.2.{hour}"), EMAIL).await, hour < 2);
    }
    // the responses reveal neither which account exists nor that its owner signed in
    let [of_one, ..] = &answers;
    for of_another in &answers {
        assert_eq!(looked_at(of_another), 100);
        for (n, (one, other)) in of_one.iter().zip(of_another).enumerate() {
            // time passes between the guesses
            assert!(one.0 == other.0 && (one.1 - other.1).abs() < 60, "guess {n}: {one:?}, {other:?}");
        }
        assert!(of_another[159].1 > 10_000, "the time to wait is too short: {}", of_another[159].1);
    }

    // the budget refills one guess at a time
    app.advance(Duration::from_hours(24));
    assert_eq!(looked_at(&guess(&app, EMAIL, 100, 20).await), 3);
    app.advance(Duration::from_hours(30 * 24));
    assert!(is_signed_in(&app, "192.0.2.78", EMAIL).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_cannot_sign_in_by_mail_have_only_the_hourly_budget() {
    let app = TestApp::with(Sqlite, &[PROXY, ("EMAIL_REQUIRED", "false")]).await;
    app.signup(json!({ "username": "ada", "password": PASSWORD })).await;
    for hour in 0..5 {
        assert_eq!(looked_at(&guess(&app, "ada", hour, 60).await), 50, "{hour}");
        app.advance(HOUR);
    }
    assert!(is_signed_in(&app, HOTEL, "ada").await);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_becomes_unknown_after_a_hundred_failures_in_a_row(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings =
        [PROXY, ("RATE_LIMIT_FAILED_LOGINS", "1000/15m"), ("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", "5/1h")];
    let app = TestApp::with(database, &settings).await;
    app.sign_up(EMAIL).await;
    assert!(is_signed_in(&app, HOME, EMAIL).await);
    let fail_at_home = async |times: u32| {
        for n in 0..times {
            assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS", "{n}");
        }
    };
    assert_eq!(looked_at(&guess(&app, EMAIL, 1, 10).await), 5);
    for _ in 0..2 {
        fail_at_home(99).await;
        assert!(is_signed_in(&app, HOME, EMAIL).await, "a success resets the count");
    }
    fail_at_home(100).await;
    assert_eq!(
        app.login_from(HOME, EMAIL, PASSWORD).await["code"],
        "RATE_LIMITED",
        "the address counts as a stranger's"
    );
    app.advance(HOUR);
    assert!(is_signed_in(&app, HOME, EMAIL).await, "a stranger's budget lets the owner in");
    assert_eq!(looked_at(&guess(&app, EMAIL, 2, 10).await), 5);
    assert!(is_signed_in(&app, HOME, EMAIL).await, "the address is known again");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_by_mail_makes_an_address_known_and_clears_its_failures(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", "5/1h")]).await;
    let id = app.sign_up(EMAIL).await.user_id.parse().unwrap();
    let note = async || {
        let now = Timestamp(app.app.clock.now());
        let note = async move |txn: Txn| known_address::note(&txn, id, HOME, now).await;
        app.app.db.write(note).await.unwrap();
    };
    guess(&app, EMAIL, 1, 5).await;
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    note().await;
    assert!(is_signed_in(&app, HOME, EMAIL).await);
    app.sql("UPDATE known_addresses SET failures = 100").await;
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    note().await;
    assert!(is_signed_in(&app, HOME, EMAIL).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_of_an_unverified_account_does_not_count_as_a_failure() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    assert!(is_signed_in(&app, HOME, EMAIL).await);
    let other = app.another(&[PROXY, ("EMAIL_VERIFICATION", "mandatory")]).await;
    for _ in 0..3 {
        let answer = other.login_from(HOME, EMAIL, PASSWORD).await;
        assert_eq!(answer["__typename"], "EmailChallenge");
    }
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let known = known_address::Entity::find().all(&rows).await.unwrap();
    assert!(known.iter().all(|row| row.failures == 0), "{known:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_citus_failures_and_successes_are_counted_as_elsewhere() {
    let app = TestApp::with(Postgres, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    // as if the extension were installed
    let as_citus = "SET allow_system_table_mods = on;
        INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        SELECT 1, 'citus', extowner, extnamespace, extrelocatable, extversion FROM pg_extension LIMIT 1";
    app.sql(as_citus).await;
    let citus = app.another(&[PROXY]).await;
    assert!(app.app.db.can_write_several_tables() && !citus.app.db.can_write_several_tables());
    assert!(is_signed_in(&citus, HOME, EMAIL).await);
    let failures = async || {
        let known = known_address::Entity::find().all(&rows).await.unwrap();
        known.iter().find(|row| row.address == HOME).unwrap().failures
    };
    for count in 1..=3 {
        assert_eq!(citus.login_from(HOME, EMAIL, "wrong").await["code"], "INVALID_CREDENTIALS");
        assert_eq!(failures().await, count);
    }
    assert!(is_signed_in(&citus, HOME, EMAIL).await);
    assert_eq!(failures().await, 0);
}

/// The drill: 50 addresses guess for a day while the owner travels.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_in_while_50_addresses_guess_for_a_day(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[PROXY]).await;
    app.sign_up_proven(EMAIL).await;
    assert!(is_signed_in(&app, HOME, EMAIL).await);
    let mut guessed = 0;
    for hour in 0..24 {
        guessed += looked_at(&guess(&app, EMAIL, 1, 50).await);
        assert!(
            is_signed_in(&app, HOME, EMAIL).await,
            "hour {hour}: the owner's known address is not affected"
        );
        let away = app.login_from(HOTEL, EMAIL, PASSWORD).await;
        assert_eq!(away["code"], "RATE_LIMITED", "hour {hour}");
        let message = away["message"].as_str().unwrap();
        assert!(message.ends_with(" You can also request a sign-in code by email."), "{message}");
        // a code by email works whatever strangers do
        let asked = app.request_login_code(EMAIL).await;
        let code = app.code(EMAIL).await;
        let inside = app.verify(EMAIL, &code, Some(&asked["id"])).await;
        assert_eq!(inside["__typename"], "AuthPayload", "hour {hour}: {inside}");
        app.advance(HOUR);
    }
    assert_eq!(guessed, 100 + 3, "a hundred guesses, and one more every 7.2 hours");
}
