//! Rate limits: nobody can guess for long, and nobody can use the limits to lock out an owner.

use std::time::Duration;

use futures_util::{
    future::join_all,
    stream::{self, StreamExt},
};
use gatehouse::{
    housekeeping::sweep,
    storage::{known_address, rate_limit},
};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, SIGN_IN, Sqlite, TestApp, database::connect,
};

/// Tests connect from this address, and name any other client address in a header.
pub(crate) const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");
pub(crate) const HOME: &str = "198.51.100.7";

pub(crate) const STRANGER: &str = "203.0.113.9";
pub(crate) const WRONG: &str = "wrong horse battery";

/// Returns all counters, to check that nothing was written.
pub(crate) async fn cells(app: &TestApp) -> Vec<rate_limit::Model> {
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let mut cells = rate_limit::Entity::find().all(&rows).await.unwrap();
    cells.sort_unstable_by_key(|cell| cell.key);
    cells
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_one_budget_and_a_third_finds_it_used_up() {
    let one = &TestApp::with(Postgres, &[PROXY]).await;
    let two = &one.another(&[]).await;
    one.sign_up(EMAIL).await;
    let before = one.app.passwords.computed();
    let logins = (0..500).map(|n| if n % 2 == 0 { one } else { two }.login_from(STRANGER, EMAIL, WRONG));
    // on a busy machine, more at once would wait so long for a connection that some would be refused as unavailable
    let answers: Vec<Value> = stream::iter(logins).buffer_unordered(32).collect().await;
    let hashes = one.app.passwords.computed() - before + two.app.passwords.computed();
    assert_eq!(hashes, 10);
    let count = |code: &str| answers.iter().filter(|answer| answer["code"] == code).count();
    assert_eq!((count("INVALID_CREDENTIALS"), count("RATE_LIMITED")), (10, 490));

    let restarted = one.another(&[]).await;
    assert_eq!(restarted.login_from(STRANGER, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    assert_eq!(restarted.app.passwords.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_survive_a_restart_on_sqlite_too() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    for _ in 0..11 {
        app.login_from(STRANGER, EMAIL, WRONG).await;
    }
    let restarted = app.another(&[]).await;
    assert_eq!(restarted.login_from(STRANGER, EMAIL, WRONG).await["code"], "RATE_LIMITED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn successful_logins_have_their_own_budget(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[("RATE_LIMIT_LOGINS", "6/1h")]).await;
    app.sign_up(EMAIL).await;
    let answers = join_all((0..20).map(|_| app.login(EMAIL, PASSWORD))).await;
    let count = |key: &str, value: &str| answers.iter().filter(|answer| answer[key] == value).count();
    assert_eq!((count("__typename", "AuthPayload"), count("code", "RATE_LIMITED")), (6, 14));
    let before = app.app.passwords.computed();
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    assert_eq!(app.app.passwords.computed(), before, "the refused request was not hashed");
    app.advance(Duration::from_mins(10));
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ups_are_limited_by_address() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    let signup = async |from: &str, n: u32| {
        let query = format!("mutation($input: SignupInput!) {{ signup(input: $input) {{ {SIGN_IN} }} }}");
        let input = json!({ "email": format!("person-{n}@example.org"), "password": PASSWORD });
        let body = json!({ "query": query, "variables": { "input": input } });
        Answer::of(app.post().header("x-forwarded-for", from).json(&body)).await.data("signup")
    };
    for n in 0..20 {
        assert_eq!(
            signup(STRANGER, n / 2).await["code"],
            if n % 2 == 0 { Value::Null } else { json!("EMAIL_TAKEN") }
        );
    }
    let before = app.app.passwords.computed();
    let refused = signup(STRANGER, 20).await;
    assert_eq!(refused["code"], "RATE_LIMITED");
    // three minutes, less the time that this test took
    assert!((120..=180).contains(&refused["retryAfter"].as_i64().unwrap()), "{refused}");
    assert_eq!(app.app.passwords.computed(), before, "the refused request was not hashed");
    assert_eq!(signup(HOME, 20).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_limited_by_account_and_ending_sessions_is_not() {
    let app = TestApp::with(Sqlite, &[("RATE_LIMIT_WRITES", "3/1m")]).await;
    let ada = app.sign_up(EMAIL).await;
    let post = "mutation { postToDashboard(text: \"hi\") { ... on UserError { code retryAfter } } }";
    let both = "mutation { postToDashboard(text: \"hi\") { __typename } updateProfile(input: { bio: \"hi\" }) { __typename } }";
    app.run_as(&ada.access_token, both, json!({})).await.data("updateProfile");
    app.run_as(&ada.access_token, post, json!({})).await.data("postToDashboard");
    let refused = app.run_as(&ada.access_token, post, json!({})).await.data("postToDashboard");
    assert_eq!(refused, json!({ "code": "RATE_LIMITED", "retryAfter": 20 }));
    let update =
        "mutation { updateProfile(input: { bio: \"hi\" }) { ... on UserError { code message retryAfter } } }";
    let refused = app.run_as(&ada.access_token, update, json!({})).await.data("updateProfile");
    let message = "Too many attempts. Try again in 20 s.";
    assert_eq!(refused, json!({ "code": "RATE_LIMITED", "message": message, "retryAfter": 20 }));

    let grace = app.sign_up("grace@example.org").await;
    app.run_as(&grace.access_token, post, json!({})).await.data("postToDashboard");

    let other = app.sign_in(EMAIL).await.session_id;
    let revoke = "mutation($id: ID!) { revokeSession(id: $id) { endedSessionIds } }";
    let ended = app.run_as(&ada.access_token, revoke, json!({ "id": other })).await.data("revokeSession");
    assert_eq!(ended["endedSessionIds"], json!([other]));
    app.run_as(&ada.access_token, "mutation { logoutAll { endedSessionIds } }", json!({}))
        .await
        .data("logoutAll");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_failures_from_this_machine_are_not_counted() {
    let app = TestApp::start(Sqlite).await;
    app.sign_up(EMAIL).await;
    for _ in 0..60 {
        assert_eq!(app.login(EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    }
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_refused_by_a_full_queue_are_not_counted() {
    let settings = [
        PROXY,
        ("HASH_QUEUE", "1"),
        ("HASH_THREADS", "1"),
        ("ARGON2_MEMORY_KIB", "65536"),
        ("ARGON2_ITERATIONS", "10"),
    ];
    let app = &TestApp::with(Sqlite, &settings).await;
    app.sign_up(EMAIL).await;
    assert_eq!(app.login_from(STRANGER, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    let before = app.app.passwords.computed();
    let mut judged = 0;
    while judged < 10 {
        for answer in join_all((0..6).map(|_| app.login_from(STRANGER, EMAIL, WRONG))).await {
            match answer["code"].as_str().unwrap() {
                "INVALID_CREDENTIALS" => judged += 1,
                "SERVER_BUSY" => {}
                // pending sign-ins count until they are refused
                code => assert_eq!((code, judged > 4), ("RATE_LIMITED", true)),
            }
        }
    }
    assert_eq!(app.app.passwords.computed() - before, 10);
    assert_eq!(app.login_from(STRANGER, EMAIL, WRONG).await["code"], "RATE_LIMITED");
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let known = known_address::Entity::find().filter(known_address::Column::Address.eq(STRANGER));
    assert_eq!(
        known.one(&rows).await.unwrap().unwrap().failures,
        10,
        "busy responses do not count as failures in a row"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_limits_count_nothing() {
    let app = TestApp::with(Sqlite, &[PROXY, ("RATE_LIMITS", "off")]).await;
    app.sign_up(EMAIL).await;
    for _ in 0..70 {
        app.login_from(STRANGER, EMAIL, WRONG).await;
        assert_eq!(app.login_from(STRANGER, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    }
    assert_eq!(cells(&app).await, []);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn refilled_budgets_and_forgotten_addresses_are_deleted(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    app.login_from(HOME, EMAIL, PASSWORD).await;
    for n in 0..600 {
        app.login_from(&format!("10.{}.{}.1", n / 250, n % 250), &format!("nobody-{n}"), WRONG).await;
    }
    assert!(cells(&app).await.len() > 1800);
    app.advance(Duration::from_mins(16));
    sweep(&app.app).await.unwrap();
    let left = cells(&app).await.len();
    // mostly monthly budgets
    assert!(
        (600..620).contains(&left),
        "{left} budgets are left: an hourly budget refills soon after a single use"
    );
    app.advance(Duration::from_hours(8));
    sweep(&app.app).await.unwrap();
    assert_eq!(cells(&app).await, []);

    // addresses unused for half a year are forgotten
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let known = async || known_address::Entity::find().all(&rows).await.unwrap().len();
    assert_eq!(known().await, 2);
    app.advance(Duration::from_hours(100 * 24));
    app.login_from(HOME, EMAIL, PASSWORD).await;
    app.advance(Duration::from_hours(100 * 24));
    sweep(&app.app).await.unwrap();
    assert_eq!(known().await, 1);
}
