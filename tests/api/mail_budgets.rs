//! Budgets for emails: they are charged to the client and the account that request them before they are charged to the
//! recipient.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
use gatehouse::{outbox::send_due, storage::outbox::Entity};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp, challenges::CHALLENGE,
};

/// Tests connect from this address, and name any other client address in a header.
const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");
const HOME: &str = "198.51.100.7";
const STRANGER: &str = "203.0.113.9";

impl TestApp {
    /// Runs an operation from the given address, with the access token unless it is empty.
    async fn run_from(&self, from: &str, access_token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        let request = self.post().header("x-forwarded-for", from).json(&body);
        let has_token = !access_token.is_empty();
        Answer::of(if has_token { request.bearer_auth(access_token) } else { request }).await
    }

    async fn request_reset_from(&self, from: &str, email: &str) -> Value {
        let query =
            format!("mutation($email: String!) {{ requestPasswordReset(email: $email) {{ {CHALLENGE} }} }}");
        self.run_from(from, "", &query, json!({ "email": email })).await.data("requestPasswordReset")
    }

    async fn change_email_from(&self, from: &str, access_token: &str, new_email: &str) -> Value {
        let query =
            format!("mutation($input: ChangeEmailInput!) {{ changeEmail(input: $input) {{ {CHALLENGE} }} }}");
        let input = json!({ "newEmail": new_email, "currentPassword": PASSWORD });
        self.run_from(from, access_token, &query, json!({ "input": input })).await.data("changeEmail")
    }

    /// Creates users with verified addresses who have signed in from `from`.
    async fn neighbours(&self, count: usize, from: &str) -> Vec<String> {
        let people: Vec<String> = (0..count).map(|n| format!("neighbour-{n}@example.org")).collect();
        for person in &people {
            self.sign_up(person).await;
        }
        self.sql("UPDATE users SET email_verified_at = 1").await;
        for person in &people {
            assert_eq!(self.login_from(from, person, PASSWORD).await["__typename"], "AuthPayload");
        }
        people
    }

    async fn mails_asked_for(&self) -> u64 {
        Entity::find().count(self.app.db.read()).await.unwrap()
    }
}

fn is_served(answer: &Value) -> bool {
    answer["__typename"] == "EmailChallenge"
}

/// A development server exempts clients on its own machine, so the client is named by a proxy.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_requests_mails_for_1500_strangers_gets_only_a_few(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY]).await;
    let asks = stream::iter(0..1500)
        .map(|n| async move { app.request_reset_from(STRANGER, &format!("invented-{n}@example.org")).await });
    let answers: Vec<Value> = asks.buffer_unordered(16).collect().await;
    let served = answers.iter().filter(|answer| is_served(answer)).count();
    assert!((30..=33).contains(&served), "{served} mails; the budget refills by one every two minutes");
    let refused = answers.iter().find(|answer| !is_served(answer)).unwrap();
    assert_eq!(refused["code"], "RATE_LIMITED");
    assert!((60..=120).contains(&refused["retryAfter"].as_i64().unwrap()), "{refused}");
    assert_eq!(app.mails_asked_for().await, served as u64);

    // all fields that send email share one budget
    let resend = format!("mutation {{ resendOtp(email: \"grace@example.org\") {{ {CHALLENGE} }} }}");
    let refused = app.run_from(STRANGER, "", &resend, json!({})).await.data("resendOtp");
    assert_eq!(refused["code"], "RATE_LIMITED");
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{
            __typename ... on AuthPayload {{ emailChallenge {{ id }} }} }} }}"
    );
    let begun = app.run_from(STRANGER, "", &signup, json!({})).await.data("signup");
    assert_eq!(
        begun,
        json!({ "__typename": "AuthPayload", "emailChallenge": null }),
        "the session begins nevertheless"
    );
    // other clients are not affected
    assert!(is_served(&app.request_reset_from(HOME, EMAIL).await));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_users_behind_one_address_are_served_while_a_neighbour_floods(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY, NO_VERIFICATION]).await;
    let people = app.neighbours(200, HOME).await;
    for n in 0..40 {
        app.request_reset_from(HOME, &format!("invented-{n}@example.org")).await;
    }
    assert_eq!(app.request_reset_from(HOME, "invented@example.org").await["code"], "RATE_LIMITED");
    let answers = join_all(people.iter().map(|person| app.request_reset_from(HOME, person))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| !is_served(answer)).collect();
    assert!(refused.is_empty(), "{} refused: {}", refused.len(), refused[0]);
    let sent = send_due(&app.app).await.unwrap();
    assert!(sent >= 200, "{sent}");
    // requests for an account that never used this address count against the address
    assert_eq!(app.request_reset_from(HOME, "grace@example.org").await["code"], "RATE_LIMITED");
}

/// Otherwise a client could sign up with the addresses of strangers, and each account would know the client.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_an_unverified_address_has_no_known_addresses() {
    let app = TestApp::with(Sqlite, &[PROXY, NO_VERIFICATION, ("RATE_LIMIT_MAILS_ADDRESS", "3/1h")]).await;
    app.sign_up(EMAIL).await;
    assert_eq!(app.login_from(STRANGER, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    for n in 0..3 {
        assert!(is_served(&app.request_reset_from(STRANGER, &format!("{n}@example.org")).await));
    }
    assert_eq!(app.request_reset_from(STRANGER, EMAIL).await["code"], "RATE_LIMITED");
    app.sql("UPDATE users SET email_verified_at = 1").await;
    assert!(is_served(&app.request_reset_from(STRANGER, EMAIL).await));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_to_strangers_are_limited_across_a_clients_accounts_and_an_accounts_addresses(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings =
        [PROXY, NO_VERIFICATION, ("RATE_LIMIT_MAILS_ADDRESS", "9/1h"), ("RATE_LIMIT_MAILS_ACCOUNT", "4/1h")];
    let app = TestApp::with(database, &settings).await;
    app.neighbours(4, STRANGER).await;
    let mut served = 0;
    let mut tokens = Vec::new();
    for n in 0..4 {
        let login = app.login_from(STRANGER, &format!("neighbour-{n}@example.org"), PASSWORD).await;
        let token = login["accessToken"].as_str().unwrap().to_owned();
        for m in 0..4 {
            let asked = app.change_email_from(STRANGER, &token, &format!("{n}-{m}@example.org")).await;
            served += usize::from(is_served(&asked));
        }
        tokens.push(token);
    }
    assert_eq!(served, 9, "the address is charged, even though the accounts know it");
    // the last account has not requested any email yet
    served = 0;
    for m in 0..9 {
        let from = format!("192.0.2.{m}");
        let asked = app.change_email_from(&from, &tokens[3], &format!("away-{m}@example.org")).await;
        served += usize::from(is_served(&asked));
    }
    assert_eq!(served, 4, "the account is charged for requests from every address");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_statements_run_for_every_address(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[PROXY, NO_VERIFICATION]).await;
    app.neighbours(1, HOME).await;
    app.sign_up(EMAIL).await;
    // the server also sends statements of its own, so the lowest count of several tries is the request's
    let mut told = Vec::new();
    for (from, email) in [
        (HOME, "neighbour-0@example.org"),
        (STRANGER, "neighbour-0@example.org"),
        (HOME, EMAIL),
        (STRANGER, "nobody@example.org"),
    ] {
        let (mut fewest, mut answer) = (u64::MAX, Value::Null);
        for _ in 0..4 {
            app.advance(Duration::from_hours(5));
            let before = app.app.db.statements().count;
            answer = app.request_reset_from(from, email).await;
            fewest = fewest.min(app.app.db.statements().count - before);
        }
        let answer = answer.as_object_mut().unwrap();
        assert!(answer.remove("id").is_some() && answer.remove("email").is_some());
        told.push((fewest, answer.clone()));
    }
    assert!(told.iter().all(|each| *each == told[0]), "{told:#?}");
}

/// A stranger requests emails as often as allowed, from many addresses.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_requests_never_leave_the_owner_without_a_working_mail(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[PROXY, NO_VERIFICATION]).await;
    app.sign_up(EMAIL).await;
    app.sql("UPDATE users SET email_verified_at = 1").await;
    let (mut strangers, mut owners) = (0, 0);
    for minute in 0..24 * 60 {
        let from = format!("10.{}.{}.1", minute / 250, minute % 250);
        strangers += usize::from(is_served(&app.request_reset_from(&from, EMAIL).await));
        send_due(&app.app).await.unwrap();
        // a password that is too short shows whether the link works, but does not use the link
        let works =
            async || app.reset(&app.token(EMAIL).await, "x").await["fields"][0]["code"] == "TOO_SHORT";
        if !works().await {
            assert!(is_served(&app.request_reset_from(HOME, EMAIL).await), "minute {minute}");
            owners += 1;
            assert!(works().await);
        }
        app.advance(Duration::from_mins(1));
    }
    assert!(
        (50..60).contains(&(strangers + owners)),
        "{strangers} and {owners}: six, then one every half hour"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_used_mail_does_not_count_against_the_next(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    for _ in 0..6 {
        assert!(is_served(&app.request_reset(EMAIL).await));
        app.advance(Duration::from_secs(61));
    }
    assert_eq!(app.request_reset(EMAIL).await["code"], "RATE_LIMITED");
    // a reset or a sign-in by email uses one email and invalidates the others
    let used = app.reset(&app.token(EMAIL).await, "battery horse correct").await;
    assert_eq!(used["__typename"], "PasswordChanged");
    for _ in 0..6 {
        assert!(is_served(&app.request_reset(EMAIL).await), "the whole budget is back");
        app.advance(Duration::from_secs(61));
    }
    for _ in 0..6 {
        assert!(is_served(&app.request_login_code(EMAIL).await));
        app.advance(Duration::from_secs(61));
    }
    assert_eq!(app.request_login_code(EMAIL).await["code"], "RATE_LIMITED");
    let signed_in = app.activate(&app.token_in(EMAIL, "login_code").await.unwrap()).await;
    assert_eq!(signed_in["__typename"], "AuthPayload");
    assert!(is_served(&app.request_login_code(EMAIL).await), "the budget for sign-in codes is back too");
}
