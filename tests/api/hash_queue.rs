//! The queue of password hashes: who gets a place, and what a refusal costs.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    rate_limits::{HOME, PROXY, STRANGER, WRONG, cells},
    support::{Answer, Database, EMAIL, Postgres, Sqlite, TestApp},
};

const SLOW: [(&str, &str); 4] =
    [PROXY, ("HASH_THREADS", "1"), ("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "4")];

/// A password whose strength takes as long as possible to check.
const COSTLY: &str = "0p@ssw0rd0p@ssw0rd0p@ssw0rd0p@ss";

fn refused(answers: &[Value]) -> usize {
    answers.iter().filter(|answer| answer["code"] == "SERVER_BUSY").count()
}

/// Waits until this many hashes are waiting or being computed.
async fn until_waiting(app: &TestApp, hashes: u64) {
    let begun = std::time::Instant::now();
    while app.app.passwords.waiting() < hashes {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{hashes} hashes never waited");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A storm must not cost the database more than it costs the attacker.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logins_refused_by_a_full_queue_write_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[PROXY, ("HASH_QUEUE", "1"), ("HASH_THREADS", "1")]).await;
    let full: Vec<_> = std::iter::from_fn(|| app.app.passwords.place_to_verify(None, None).ok()).collect();
    assert_eq!(full.len(), 2, "one hash could be computed, and one could wait");
    let addresses: Vec<String> = (0..50).map(|number| format!("203.0.113.{number}")).collect();
    let logins = || join_all(addresses.iter().map(|address| app.login_from(address, EMAIL, WRONG)));
    assert_eq!(refused(&logins().await), 50);
    assert_eq!(cells(app).await, []);
    drop(full);
    assert!(refused(&logins().await) < 50);
    assert_ne!(cells(app).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_place() {
    let app = &TestApp::with(Sqlite, &[PROXY, ("HASH_QUEUE", "7"), ("HASH_THREADS", "1")]).await;
    let place = || app.app.passwords.place_to_verify(Some(STRANGER), None).ok();
    let flood: Vec<_> = std::iter::from_fn(place).collect();
    assert_eq!(flood.len(), 4, "half of the places");
    assert_eq!(app.login_from(STRANGER, EMAIL, WRONG).await["code"], "SERVER_BUSY");
    assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
}

/// If turns followed the order of arrival, a sign-in would wait for all sign-ups before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_does_not_wait_for_the_costly_sign_ups_of_another_address() {
    let settings = [("HASH_QUEUE", "1000"), ("RATE_LIMIT_SIGNUPS", "1000/1h"), ("ARGON2_ITERATIONS", "3")];
    let app = &TestApp::with(Sqlite, &[&SLOW[..], &settings].concat()).await;
    let sign_up = |number: usize| {
        let query = "mutation($input: SignupInput!) { signup(input: $input) { __typename } }";
        let input = json!({ "email": format!("{number}@example.org"), "password": COSTLY });
        let body = json!({ "query": query, "variables": { "input": input } });
        Answer::of(app.post().header("x-forwarded-for", STRANGER).json(&body))
    };
    let flood = join_all((0..20).map(sign_up));
    let login = async {
        until_waiting(app, 5).await;
        let computed = app.app.passwords.computed();
        app.login_from(HOME, EMAIL, WRONG).await;
        app.app.passwords.computed() - computed
    };
    let (_, before_it) = tokio::join!(flood, login);
    assert!(before_it <= 3, "{before_it} hashes, with its own and the one that was being computed");
}
