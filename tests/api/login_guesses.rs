//! How often passwords may be guessed, by client address and by account.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    rate_limits::{HOME, PROXY, STRANGER, WRONG, cells},
    support::{Answer, Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_a_budget_of_guesses_and_the_owner_still_signs_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    let hashes = || app.app.passwords.computed();
    let before = hashes();

    // many sign-ins in one operation, or an array of operations
    let login = |n: u32| {
        format!("a{n}: login(input: {{ identifier: \"{EMAIL}\", password: \"{WRONG}\" }}) {{ __typename }} ")
    };
    let aliased = format!("mutation {{ {} }}", (0..5).map(login).collect::<String>());
    for _ in 0..20 {
        let body = json!({ "query": aliased });
        let refused = Answer::of(app.post().header("x-forwarded-for", STRANGER).json(&body)).await;
        assert_eq!(refused.code(), "LIMIT_EXCEEDED");
        let array =
            json!([{ "query": format!("mutation {{ {} }}", login(0)) }, { "query": "{ __typename }" }]);
        let refused = Answer::of(app.post().header("x-forwarded-for", STRANGER).json(&array)).await;
        assert_eq!(refused.code(), "BAD_REQUEST");
    }
    assert_eq!(hashes() - before, 0);

    // 64 concurrent connections
    let sockets = stream::iter(0..300).map(|_| app.login_from(STRANGER, EMAIL, WRONG));
    let answers: Vec<Value> = sockets.buffer_unordered(64).collect().await;
    let refused = answers.iter().filter(|answer| answer["code"] == "RATE_LIMITED").count();
    assert_eq!(hashes() - before, 10, "the address has ten guesses for the account");
    assert_eq!(refused, 290);

    // a refused sign-in costs no hash and no write
    let counted = cells(app).await;
    for identifier in [EMAIL, "ADA@Example.ORG", " ada@example.org "] {
        assert_eq!(app.login_from(STRANGER, identifier, PASSWORD).await["code"], "RATE_LIMITED");
    }
    assert_eq!(hashes() - before, 10);
    assert_eq!(cells(app).await, counted);

    // any number of addresses of one /64 count as one client
    let network = stream::iter(0..300)
        .map(|n| async move { app.login_from(&format!("2001:db8:1:2::{n:x}"), EMAIL, WRONG).await });
    network.buffer_unordered(16).collect::<Vec<_>>().await;
    assert_eq!(hashes() - before, 20);

    // the sender can invent entries to the left of the proxy's own
    for n in 0..50 {
        app.login_from(&format!("192.0.2.{n}, {STRANGER}"), EMAIL, WRONG).await;
    }
    assert_eq!(hashes() - before, 20);

    // addresses of different networks share the account's budget for strangers
    let apart = stream::iter(0..300)
        .map(|n| async move { app.login_from(&format!("10.{}.{}.1", n / 250, n % 250), EMAIL, WRONG).await });
    apart.buffer_unordered(64).collect::<Vec<_>>().await;
    assert_eq!(hashes() - before, 50);
    assert_eq!(app.login_from("192.0.2.77", EMAIL, PASSWORD).await["code"], "RATE_LIMITED");

    // the owner's address is known
    for _ in 0..20 {
        assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn failures_from_a_known_address_count_only_there(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    app.login_from(HOME, EMAIL, PASSWORD).await;
    for _ in 0..10 {
        assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    }
    let refused = app.login_from(HOME, EMAIL, PASSWORD).await;
    assert_eq!((&refused["code"], &refused["retryAfter"]), (&json!("RATE_LIMITED"), &json!(90)));
    let message = "Too many attempts. Try again in 90 s. You can also request a sign-in code by email.";
    assert_eq!(refused["message"], message);
    assert_eq!(refused["fields"], json!([]));
    // neither the rest of the address nor the rest of the account is affected
    assert_eq!(app.login_from(HOME, "grace", WRONG).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login_from(STRANGER, EMAIL, PASSWORD).await["__typename"], "AuthPayload");

    // the budget refills one guess at a time
    app.advance(Duration::from_secs(89));
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["retryAfter"], 1);
    app.advance(Duration::from_secs(1));
    assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    app.advance(Duration::from_secs(90));
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_limited_equally_for_existing_and_unknown_accounts() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    for (n, identifier) in ["nobody", "nobody@example.org", "not an address@"].into_iter().enumerate() {
        let from = format!("192.0.2.{n}");
        for _ in 0..10 {
            assert_eq!(app.login_from(&from, identifier, WRONG).await["code"], "INVALID_CREDENTIALS");
        }
        let refused = app.login_from(&from, &identifier.to_uppercase(), WRONG).await;
        assert_eq!((&refused["code"], &refused["retryAfter"]), (&json!("RATE_LIMITED"), &json!(90)));
    }
    // an address has fifty guesses in total for accounts that do not know it
    let from = |n: usize| async move { format!("name-{n}") };
    for n in 0..50 {
        let answer = app.login_from(STRANGER, &from(n).await, WRONG).await;
        assert_eq!(answer["code"], "INVALID_CREDENTIALS", "{n}");
    }
    assert_eq!(app.login_from(STRANGER, "name-50", WRONG).await["code"], "RATE_LIMITED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slash_48_network_has_sixteen_budgets_of_an_address_and_a_slash_56_has_four(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS_ADDRESS", "5/15m")]).await;
    // each guess has its own name and its own /64
    let guess = async |networks: Vec<String>| {
        let before = app.app.passwords.computed();
        let logins = networks.iter().map(|network| async move {
            let name = format!("nobody{}", network.replace(':', "-"));
            app.login_from(&format!("{network}::1"), &name, WRONG).await
        });
        stream::iter(logins).buffer_unordered(64).collect::<Vec<_>>().await;
        app.app.passwords.computed() - before
    };
    let in_one_56 = (0..200).map(|n| format!("2001:db8:1:{n:x}")).collect();
    assert_eq!(guess(in_one_56).await, 20);
    let in_other_56 = (1..200).map(|n| format!("2001:db8:1:{n:x}00")).collect();
    assert_eq!(guess(in_other_56).await, 60, "a refusal for the /56 does not count for the /48");
    assert_eq!(guess(vec!["2001:db8:1:ff01".to_owned()]).await, 0);
    assert_eq!(guess(vec!["2001:db8:2:1".to_owned()]).await, 1, "another /48 is not affected");

    // a success refunds what it charged to all three networks
    app.sign_up(EMAIL).await;
    for n in 0..100 {
        let answer = app.login_from(&format!("2001:db8:3:{:x}::1", n % 50), EMAIL, PASSWORD).await;
        assert!(answer["__typename"] == "AuthPayload" || n >= 60, "{n}: {answer}");
    }
    assert_eq!(guess((0..200).map(|n| format!("2001:db8:3:{n:x}")).collect()).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_in_the_wider_networks_do_not_use_up_the_budget_of_a_known_address() {
    let app = TestApp::with(Sqlite, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS", "2/15m")]).await;
    let home = "2001:db8:1:1::1";
    app.sign_up(EMAIL).await;
    assert_eq!(app.login_from(home, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    for n in 2..20 {
        app.login_from(&format!("2001:db8:1:{n:x}::1"), EMAIL, WRONG).await;
    }
    assert_eq!(app.login_from("2001:db8:1:ff::1", EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    assert_eq!(app.login_from(home, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_correct_logins_use_up_no_budget_of_failures() {
    let app = &TestApp::with(Sqlite, &[PROXY, ("RATE_LIMIT_LOGINS", "60000/1m")]).await;
    app.sign_up(EMAIL).await;
    // half of them from a new address each time
    let logins = stream::iter(0..10_000u32).map(|n| async move {
        let from = if n % 2 == 0 { HOME.to_owned() } else { format!("10.{}.{}.1", n / 250, n % 250) };
        app.login_from(&from, EMAIL, PASSWORD).await
    });
    let answers: Vec<Value> = logins.buffer_unordered(8).collect().await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer["__typename"] != "AuthPayload").collect();
    assert!(refused.is_empty(), "{} refused: {}", refused.len(), refused[0]);
    // the budget of failures is still full
    for _ in 0..10 {
        assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    }
    assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "RATE_LIMITED");
}
