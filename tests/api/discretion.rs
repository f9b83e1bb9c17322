//! With introspection off, as in production, error messages name no part of the schema that the request does not name.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{EMAIL, PASSWORD, Sqlite, TestApp, database::connect, process::Server};

const OFF: (&str, &str) = ("INTROSPECTION", "off");

/// Returns the words of a text that could be GraphQL names.
fn names(text: &str) -> HashSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|name| !name.is_empty()).collect()
}

/// Returns documents with every kind of mistake that the library reports, and their variables.
fn mistakes() -> Vec<(&'static str, Value)> {
    let login = "mutation($input: LoginInput!) { login(input: $input) { __typename } }";
    vec![
        ("{ nothing }", json!({})),
        ("{ authSettings { nothing } }", json!({})),
        ("{ authSettings }", json!({})),
        ("{ authSettings(nothing: 1) { otpLength } }", json!({})),
        ("{ authSettings { otpLength { x } } }", json!({})),
        ("{ authSettings { otpLen } }", json!({})),
        ("{ usernameAvailable }", json!({})),
        ("{ usernameAvailable(username: 1) { __typename } }", json!({})),
        ("{ usernameAvailable(username: RED) { __typename } }", json!({})),
        ("mutation { login { __typename } }", json!({})),
        ("mutation { login(input: {}) { __typename } }", json!({})),
        ("mutation { login(input: { identifier: 1 }) { __typename } }", json!({})),
        ("mutation { login(input: { identifier: \"a\", password: \"b\", x: 1 }) { __typename } }", json!({})),
        ("mutation { login(input: { identifier: \"a\", password: \"b\" }) { nothing } }", json!({})),
        ("mutation { login(input: { identifier: \"a\", password: \"b\" }) }", json!({})),
        (login, json!({ "input": {} })),
        (login, json!({ "input": { "identifier": 1 } })),
        (login, json!({ "input": { "identifier": "a", "password": "b", "more": 1 } })),
        (login, json!({ "input": 1 })),
        (login, json!({})),
        ("query($x: Nope) { usernameAvailable(username: $x) { __typename } }", json!({})),
        ("query($x: Int) { usernameAvailable(username: $x) { __typename } }", json!({})),
        ("query($x: String) { usernameAvailable(username: $x) { __typename } }", json!({})),
        ("query($x: Int) { __typename }", json!({})),
        ("query($x: Int = \"a\") { usernameAvailable(username: $x) { __typename } }", json!({})),
        ("{ usernameAvailable(username: $x) { __typename } }", json!({})),
        ("{ __typename @nothing }", json!({})),
        ("{ __typename @skip }", json!({})),
        ("{ __typename @skip(if: 1) }", json!({})),
        ("{ __typename @skip(if: true, x: 1) }", json!({})),
        ("query @skip(if: true) { __typename }", json!({})),
        ("{ ... on Nope { x } }", json!({})),
        ("{ ... on String { x } }", json!({})),
        ("{ authSettings { ... on Session { id } } }", json!({})),
        ("{ a: authSettings { otpLength otpLength: emailRequired } }", json!({})),
        ("{ authSettings { x: otpLength x: emailRequired } }", json!({})),
        ("query A { __typename } query B { __typename }", json!({})),
        ("subscription { nothing }", json!({})),
        ("{ __schema { types { name } } }", json!({})),
        ("{ __type(name: \"User\") { fields { name } } }", json!({})),
        ("{", json!({})),
        ("{ nothing(", json!({})),
        ("mutation { refresh(refreshToken: [1]) { __typename } }", json!({})),
        ("mutation { signup(input: { email: [1] }) { __typename } }", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_names_anything_that_the_document_does_not() {
    let app = TestApp::with(Sqlite, &[OFF]).await;
    let ada = app.sign_up(EMAIL).await;
    let sdl = gatehouse::graphql::sdl();
    // only names with capital letters: a lower-case field name may also be an ordinary word in the message
    let known: HashSet<&str> =
        names(&sdl).into_iter().filter(|name| name.chars().skip(1).any(char::is_uppercase)).collect();
    let types = ["Query", "Mutation", "User", "Session", "String", "Int", "Boolean"];
    let mut told = 0;
    for (query, variables) in mistakes() {
        for answer in [
            app.run(query, variables.clone()).await,
            app.run_as(&ada.access_token, query, variables.clone()).await,
        ] {
            // the library accepts some of them
            let Some(errors) = answer.body["errors"].as_array() else { continue };
            told += 1;
            assert!(["BAD_REQUEST", "FORBIDDEN"].contains(&answer.code()), "{query}: {}", answer.text);
            let sent = format!("{query} {variables} retryAfter requestId operationName");
            for error in errors {
                let text = error["message"].as_str().unwrap();
                let leaked: Vec<_> = names(text)
                    .into_iter()
                    .filter(|name| known.contains(name) || types.contains(name))
                    .filter(|name| !names(&sent).contains(name))
                    .collect();
                assert!(leaked.is_empty(), "{query}: {text}");
                assert!(!text.contains("Did you mean"), "{query}: {text}");
            }
        }
    }
    assert!(told > 70, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_reported_with_their_kind_and_position() {
    let app = TestApp::with(Sqlite, &[OFF]).await;
    for (query, message) in [
        ("{ authSettings { nothing } }", "This field does not exist (line 1, column 18)."),
        ("{ authSettings(name: 1) { otpLength } }", "This argument does not exist (line 1, column 16)."),
        ("{ authSettings @nothing { otpLength } }", "This directive does not exist (line 1, column 16)."),
        (
            "{ usernameAvailable(username: 1) { __typename } }",
            "The value does not match the expected type (line 1, column 31).",
        ),
        ("{\n nothing(\n}", "Syntax error (line 3, column 1)."),
    ] {
        let answer = app.run(query, json!({})).await;
        assert_eq!(answer.body["errors"][0]["message"], message, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_mistakes_get_a_short_response() {
    let app = TestApp::with(Sqlite, &[OFF]).await;
    for query in [
        format!("{{ __typename {} }}", "@nope ".repeat(10_000)),
        format!("{{ __typename {} }}", "@nothing ".repeat(20)),
        format!("{{ authSettings {{ {} }} }}", "nothing ".repeat(590)),
    ] {
        let answer = app.run(&query, json!({})).await;
        assert!(answer.text.len() < 1000, "{} bytes", answer.text.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_response_to_a_fault_has_the_request_id() {
    let app = TestApp::start(Sqlite).await;
    app.app.db.read().clone().close();
    let login = "mutation { login(input: { identifier: \"ada\", password: \"x\" }) { __typename } }";
    let answer = app.run(login, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "SERVICE_UNAVAILABLE"));
    let id = &answer.body["errors"][0]["extensions"]["requestId"];
    assert_eq!(id, answer.header("x-request-id"));
    let bad = app.run("{ nothing }", json!({})).await;
    assert!(
        bad.body["errors"][0]["extensions"].get("requestId").is_none(),
        "a client's mistake is not a fault"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_the_details_of_a_fault_under_its_request_id() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("RUST_LOG", "warn"), ("ARGON2_MEMORY_KIB", "8"), ("EMAIL_VERIFICATION", "none")];
    let (server, _) = Server::start(folder.path(), &["dev"], &settings).await;
    let database = format!("sqlite://{}", folder.path().join("data/gatehouse.db").display());
    let rows = connect(&database).await;
    rows.execute_unprepared("DROP TABLE sessions").await.unwrap();
    rows.close().await.unwrap();
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let answer = server.run(&reqwest::Client::new(), &signup).await.unwrap();
    assert!(!answer.to_string().contains("sessions"), "{answer}");
    let id = answer["errors"][0]["extensions"]["requestId"].as_str().unwrap();
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    let told = log.lines().find(|line| line.contains(id) && line.contains("ERROR"));
    assert!(told.is_some_and(|line| line.contains("no such table: sessions")), "{id}: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_can_be_switched_off() {
    let app = TestApp::with(Sqlite, &[("INTROSPECTION", "off")]).await;
    let ada = app.sign_up(EMAIL).await;
    for query in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"User\") { name } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
    ] {
        assert_eq!(app.run(query, json!({})).await.code(), "FORBIDDEN");
        assert_eq!(app.run_as(&ada.access_token, query, json!({})).await.code(), "FORBIDDEN");
    }
    let typo = app.run_as(&ada.access_token, "{ mee { id } }", json!({})).await;
    assert!(!typo.text.contains("Did you mean"), "{}", typo.text);
    assert_eq!(app.run("{ __typename }", json!({})).await.body, json!({ "data": { "__typename": "Query" } }));
}
