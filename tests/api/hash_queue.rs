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
    while app.app.passwords.waiting() < hashes {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A storm must not cost the database more than it costs the attacker.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logins_refused_by_a_full_queue_write_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[&SLOW[..], &[("HASH_QUEUE", "1")]].concat()).await;
    // one hash is computed and one waits, so nobody else has a place until the first is done
    let first = async {
        let both = [("192.0.2.1", "ada"), ("192.0.2.2", "grace")];
        join_all(both.map(|(address, name)| app.login_from(address, name, WRONG))).await
    };
    let storm = async {
        until_waiting(app, 2).await;
        let before = cells(app).await;
        let addresses: Vec<String> = (0..50).map(|number| format!("203.0.113.{number}")).collect();
        let answers = join_all(addresses.iter().map(|address| app.login_from(address, EMAIL, WRONG))).await;
        (before, answers, cells(app).await)
    };
    let (_, (before, answers, after)) = tokio::join!(first, storm);
    assert!(refused(&answers) > 10, "{}", refused(&answers));
    // each sign-in that was not refused is charged to an account, an address, and its networks
    let charged = after.iter().filter(|cell| !before.contains(cell)).count();
    assert!(charged <= 8 * (50 - refused(&answers)), "{charged} cells for {} refusals", refused(&answers));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_place() {
    let settings = [("HASH_QUEUE", "7"), ("ARGON2_ITERATIONS", "3")];
    let app = &TestApp::with(Sqlite, &[&SLOW[..], &settings].concat()).await;
    let names: Vec<String> = (0..30).map(|number| format!("person{number}")).collect();
    let flood = join_all(names.iter().map(|name| app.login_from(STRANGER, name, WRONG)));
    let neighbour = async {
        until_waiting(app, 2).await;
        app.login_from(HOME, EMAIL, WRONG).await
    };
    let (flood, neighbour) = tokio::join!(flood, neighbour);
    assert!(refused(&flood) > 0);
    assert_eq!(neighbour["code"], "INVALID_CREDENTIALS");
}

/// With turns in the order of arrival, a login would wait for all sign-ups before it.
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
