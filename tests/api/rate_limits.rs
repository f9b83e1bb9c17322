//! How often things may be done: nobody can guess for long, and nobody can turn that against an owner.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
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

/// Tests come from here, and say where they would be.
const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");
const HOME: &str = "198.51.100.7";
const STRANGER: &str = "203.0.113.9";
const WRONG: &str = "wrong horse battery";

/// Everything that is counted, for telling that nothing was written.
async fn cells(app: &TestApp) -> Vec<rate_limit::Model> {
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let mut cells = rate_limit::Entity::find().all(&rows).await.unwrap();
    cells.sort_unstable_by_key(|cell| cell.key);
    cells
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_a_budget_of_guesses_whatever_they_try_and_the_owner_signs_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY]).await;
    app.sign_up(EMAIL).await;
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    let hashes = || app.app.passwords.computed();
    let before = hashes();

    // many in one operation, or in an array of operations
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

    // 64 sockets
    let sockets = stream::iter(0..1000).map(|_| app.login_from(STRANGER, EMAIL, WRONG));
    let answers: Vec<Value> = sockets.buffer_unordered(64).collect().await;
    let refused = answers.iter().filter(|answer| answer["code"] == "RATE_LIMITED").count();
    assert_eq!(hashes() - before, 10, "the account and the address have ten together");
    assert_eq!(refused, 990);

    // what is refused costs no hash and no write
    let counted = cells(app).await;
    for identifier in [EMAIL, "ADA@Example.ORG", " ada@example.org "] {
        assert_eq!(app.login_from(STRANGER, identifier, PASSWORD).await["code"], "RATE_LIMITED");
    }
    assert_eq!(hashes() - before, 10);
    assert_eq!(cells(app).await, counted);

    // a thousand addresses of one network are one customer's
    let network = stream::iter(0..1000)
        .map(|n| async move { app.login_from(&format!("2001:db8:1:2::{n:x}"), EMAIL, WRONG).await });
    network.buffer_unordered(16).collect::<Vec<_>>().await;
    assert_eq!(hashes() - before, 20);

    // what stands left of a proxy's own entry, its sender has invented
    for n in 0..50 {
        app.login_from(&format!("192.0.2.{n}, {STRANGER}"), EMAIL, WRONG).await;
    }
    assert_eq!(hashes() - before, 20);

    // a thousand addresses that are really apart share what the account has for all strangers
    let apart = stream::iter(0..1000)
        .map(|n| async move { app.login_from(&format!("10.{}.{}.1", n / 250, n % 250), EMAIL, WRONG).await });
    apart.buffer_unordered(64).collect::<Vec<_>>().await;
    assert_eq!(hashes() - before, 50);
    assert_eq!(app.login_from("192.0.2.77", EMAIL, PASSWORD).await["code"], "RATE_LIMITED");

    // the owner is known at home
    for _ in 0..20 {
        assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn failures_from_a_known_address_count_there_alone(#[values(Sqlite, Postgres)] database: Database) {
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
    // neither the address nor the account is the worse for it
    assert_eq!(app.login_from(HOME, "grace", WRONG).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login_from(STRANGER, EMAIL, PASSWORD).await["__typename"], "AuthPayload");

    // the budget comes back one by one
    app.advance(Duration::from_secs(89));
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["retryAfter"], 1);
    app.advance(Duration::from_secs(1));
    assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    app.advance(Duration::from_secs(90));
    assert_eq!(app.login_from(HOME, EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_do_not_exist_are_rationed_like_those_that_do() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    for (n, identifier) in ["nobody", "nobody@example.org", "not an address@"].into_iter().enumerate() {
        let from = format!("192.0.2.{n}");
        for _ in 0..10 {
            assert_eq!(app.login_from(&from, identifier, WRONG).await["code"], "INVALID_CREDENTIALS");
        }
        let refused = app.login_from(&from, &identifier.to_uppercase(), WRONG).await;
        assert_eq!((&refused["code"], &refused["retryAfter"]), (&json!("RATE_LIMITED"), &json!(90)));
    }
    // and an address has fifty for all that it is strange to
    let from = |n: usize| async move { format!("name-{n}") };
    for n in 0..50 {
        let answer = app.login_from(STRANGER, &from(n).await, WRONG).await;
        assert_eq!(answer["code"], "INVALID_CREDENTIALS", "{n}");
    }
    assert_eq!(app.login_from(STRANGER, "name-50", WRONG).await["code"], "RATE_LIMITED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_48_has_sixteen_budgets_of_an_address_and_a_56_has_four(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS_ADDRESS", "5/15m")]).await;
    // each to a name of its own, from a /64 of its own
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
    assert_eq!(guess(in_other_56).await, 60, "what was refused for the /56 costs the /48 nothing");
    assert_eq!(guess(vec!["2001:db8:1:ff01".to_owned()]).await, 0);
    assert_eq!(guess(vec!["2001:db8:2:1".to_owned()]).await, 1, "another's");

    // a success gives back what it charged for all three
    app.sign_up(EMAIL).await;
    for n in 0..100 {
        let answer = app.login_from(&format!("2001:db8:3:{:x}::1", n % 50), EMAIL, PASSWORD).await;
        assert!(answer["__typename"] == "AuthPayload" || n >= 60, "{n}: {answer}");
    }
    assert_eq!(guess((0..200).map(|n| format!("2001:db8:3:{n:x}")).collect()).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_home_neighbours_in_the_wider_networks_use_nothing_up() {
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
async fn two_servers_share_one_budget_and_a_third_finds_it_used_up() {
    let one = &TestApp::with(Postgres, &[PROXY]).await;
    let two = &one.another(&[]).await;
    one.sign_up(EMAIL).await;
    let before = one.app.passwords.computed();
    let logins = (0..500).map(|n| if n % 2 == 0 { one } else { two }.login_from(STRANGER, EMAIL, WRONG));
    let answers = join_all(logins).await;
    let hashes = one.app.passwords.computed() - before + two.app.passwords.computed();
    assert_eq!(hashes, 10);
    let count = |code: &str| answers.iter().filter(|answer| answer["code"] == code).count();
    assert_eq!((count("INVALID_CREDENTIALS"), count("RATE_LIMITED")), (10, 490));

    let restarted = one.another(&[]).await;
    assert_eq!(restarted.login_from(STRANGER, EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    assert_eq!(restarted.app.passwords.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_outlive_a_restart_on_sqlite_too() {
    let app = TestApp::with(Sqlite, &[PROXY]).await;
    for _ in 0..11 {
        app.login_from(STRANGER, EMAIL, WRONG).await;
    }
    let restarted = app.another(&[]).await;
    assert_eq!(restarted.login_from(STRANGER, EMAIL, WRONG).await["code"], "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_right_logins_are_never_refused_for_failures_that_nobody_made() {
    let app = &TestApp::with(Sqlite, &[PROXY, ("RATE_LIMIT_LOGINS", "60000/1m")]).await;
    app.sign_up(EMAIL).await;
    // half of them from an address that is new each time
    let logins = stream::iter(0..10_000u32).map(|n| async move {
        let from = if n % 2 == 0 { HOME.to_owned() } else { format!("10.{}.{}.1", n / 250, n % 250) };
        app.login_from(&from, EMAIL, PASSWORD).await
    });
    let answers: Vec<Value> = logins.buffer_unordered(8).collect().await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer["__typename"] != "AuthPayload").collect();
    assert!(refused.is_empty(), "{} refused: {}", refused.len(), refused[0]);
    // and the budget of failures is whole
    for _ in 0..10 {
        assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "INVALID_CREDENTIALS");
    }
    assert_eq!(app.login_from(HOME, EMAIL, WRONG).await["code"], "RATE_LIMITED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn successful_logins_have_a_budget_of_their_own(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[("RATE_LIMIT_LOGINS", "6/1h")]).await;
    app.sign_up(EMAIL).await;
    let answers = join_all((0..20).map(|_| app.login(EMAIL, PASSWORD))).await;
    let count = |key: &str, value: &str| answers.iter().filter(|answer| answer[key] == value).count();
    assert_eq!((count("__typename", "AuthPayload"), count("code", "RATE_LIMITED")), (6, 14));
    let before = app.app.passwords.computed();
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "RATE_LIMITED");
    assert_eq!(app.app.passwords.computed(), before, "refused unhashed");
    app.advance(Duration::from_mins(10));
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ups_are_rationed_by_address() {
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
    assert_eq!((&refused["code"], &refused["retryAfter"]), (&json!("RATE_LIMITED"), &json!(180)));
    assert_eq!(app.app.passwords.computed(), before, "refused unhashed");
    assert_eq!(signup(HOME, 20).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_rationed_by_account_and_ending_sessions_is_not() {
    let app = TestApp::with(Sqlite, &[("RATE_LIMIT_WRITES", "3/1m")]).await;
    let ada = app.sign_up(EMAIL).await;
    let post = "mutation { postToDashboard(text: \"hi\") { response } }";
    let both = "mutation { postToDashboard(text: \"hi\") { response } updateProfile(input: { bio: \"hi\" }) { __typename } }";
    app.run_as(&ada.access_token, both, json!({})).await.data("updateProfile");
    app.run_as(&ada.access_token, post, json!({})).await.data("postToDashboard");
    let refused = app.run_as(&ada.access_token, post, json!({})).await;
    assert_eq!(refused.code(), "LIMIT_EXCEEDED");
    assert_eq!(refused.body["errors"][0]["extensions"]["retryAfter"], 20);
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
async fn what_was_shed_is_not_counted() {
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
                // those under way count until they are shed
                code => assert_eq!((code, judged > 4), ("RATE_LIMITED", true)),
            }
        }
    }
    assert_eq!(app.app.passwords.computed() - before, 10);
    assert_eq!(app.login_from(STRANGER, EMAIL, WRONG).await["code"], "RATE_LIMITED");
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let known = known_address::Entity::find().filter(known_address::Column::Address.eq(STRANGER));
    assert_eq!(known.one(&rows).await.unwrap().unwrap().failures, 10, "nor in a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_is_not_even_counted() {
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
async fn whole_budgets_and_forgotten_addresses_are_deleted(#[values(Sqlite, Postgres)] database: Database) {
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
    // those of the month, and some
    assert!((600..620).contains(&left), "budgets of an hour are whole a minute later, if used once; {left}");
    app.advance(Duration::from_hours(8));
    sweep(&app.app).await.unwrap();
    assert_eq!(cells(&app).await, []);

    // half a year later nobody remembers where somebody was
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let known = async || known_address::Entity::find().all(&rows).await.unwrap().len();
    assert_eq!(known().await, 2);
    app.advance(Duration::from_hours(100 * 24));
    app.login_from(HOME, EMAIL, PASSWORD).await;
    app.advance(Duration::from_hours(100 * 24));
    sweep(&app.app).await.unwrap();
    assert_eq!(known().await, 1);
}
