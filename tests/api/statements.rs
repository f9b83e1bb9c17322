//! The number of statements that each operation sends, which does not grow with the size of a page.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

/// Returns the number of statements of one operation. The server also sends statements of its own from time to time, so
/// the lowest count of several tries is the operation's.
async fn count(app: &TestApp, mut run: impl AsyncFnMut() -> Value) -> u64 {
    let mut fewest = u64::MAX;
    for _ in 0..4 {
        let before = app.app.db.statements().count;
        let answer = run().await;
        assert!(answer["errors"].is_null() && !answer["data"].is_null(), "{answer}");
        assert!(!answer.to_string().contains("UserError"), "{answer}");
        fewest = fewest.min(app.app.db.statements().count - before);
    }
    fewest
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_operation_sends_the_expected_number_of_statements(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let ada = app.sign_up(EMAIL).await;
    for number in 0..30 {
        app.sign_up(&format!("{number}@example.org")).await;
    }
    let ask =
        async |token: &str, query: &str, variables: Value| app.run_as(token, query, variables).await.body;
    let mut counts = Vec::new();
    let mut note = |what: &'static str, count: u64| counts.push((what, count));

    let token = ada.access_token.as_str();
    note("me", count(&app, async || ask(token, "{ me { id email role } }", json!({})).await).await);
    let with_sessions = "{ me { id sessions { id } identities { provider } } }";
    note(
        "me with sessions, identities",
        count(&app, async || ask(token, with_sessions, json!({})).await).await,
    );
    let token = root.access_token.as_str();
    let by_id = "query($id: ID!) { user(id: $id) { email } }";
    note("user", count(&app, async || ask(token, by_id, json!({ "id": ada.user_id })).await).await);
    for (what, most) in [("users, 2", 2), ("users, 20", 20)] {
        let page = "query($n: Int) { users(first: $n) { nodes { email sessions { id } identities { provider } } pageInfo { hasNextPage } } }";
        note(what, count(&app, async || ask(token, page, json!({ "n": most })).await).await);
    }
    let login = "mutation($i: String!, $p: String!) { login(input: { identifier: $i, password: $p }) { __typename } }";
    let input = json!({ "i": EMAIL, "p": PASSWORD });
    note("login", count(&app, async || ask("", login, input.clone()).await).await);
    let mut token = ada.refresh_token.clone();
    let refresh = "mutation($t: String!) { refresh(refreshToken: $t) { __typename ... on AuthPayload { refreshToken } } }";
    let refreshing = async || {
        let answer = ask("", refresh, json!({ "t": token })).await;
        token = answer["data"]["refresh"]["refreshToken"].as_str().unwrap().to_owned();
        answer
    };
    note("refresh", count(&app, refreshing).await);
    let mut number = 100;
    let signup =
        "mutation($e: String!, $p: String!) { signup(input: { email: $e, password: $p }) { __typename } }";
    let signing_up = async || {
        number += 1;
        ask("", signup, json!({ "e": format!("{number}@example.org"), "p": PASSWORD })).await
    };
    note("signup", count(&app, signing_up).await);
    let mut people: Vec<SignedIn> = Vec::new();
    for _ in 0..4 {
        people.push(app.sign_in("1@example.org").await);
    }
    let logging_out = async || {
        let token = people.pop().unwrap().refresh_token;
        ask(
            "",
            "mutation($t: String) { logout(refreshToken: $t) { endedSessionIds } }",
            json!({ "t": token }),
        )
        .await
    };
    note("logout", count(&app, logging_out).await);

    // on PostgreSQL the viewer is read each time, and other servers are notified of changes with the commit
    let read = u64::from(database == Postgres);
    assert_eq!(
        counts,
        [
            ("me", read),
            ("me with sessions, identities", read + 2),
            ("user", read + 1),
            ("users, 2", read + 3),
            ("users, 20", read + 3),
            ("login", 3),
            ("refresh", 2 - read),
            ("signup", 4),
            ("logout", 1),
        ]
    );
}
