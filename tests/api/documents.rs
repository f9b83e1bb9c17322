//! The document guard over HTTP: every malicious document gets a short response, and the server keeps running.

use std::fmt::Write;

use serde_json::json;

use crate::support::{Answer, EMAIL, Sqlite, TestApp};

/// The maximum length of an error response, in bytes.
const SHORT: usize = 2000;

fn fan_out(levels: u32, spreads: usize) -> String {
    let mut text = "{ ...F0 }".to_owned();
    for level in 0..levels {
        let spread = format!("...F{} ", level + 1).repeat(spreads);
        write!(text, "fragment F{level} on Query{{{spread}}}").unwrap();
    }
    write!(text, "fragment F{levels} on Query{{__typename}}").unwrap();
    text
}

fn numbered(times: usize, part: fn(usize) -> String) -> String {
    (0..times).map(part).collect()
}

fn around(times: usize, before: &str, inside: &str, after: &str) -> String {
    format!("{}{inside}{}", before.repeat(times), after.repeat(times))
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn bombs() -> Vec<(&'static str, String)> {
    vec![
        ("fan-out 2^10", fan_out(10, 2)),
        ("fan-out 2^22", fan_out(22, 2)),
        ("fan-out 2^30", fan_out(30, 2)),
        ("fan-out 60^3", fan_out(3, 60)),
        ("fan-out 2^18 within the fragments allowed", fan_out(18, 2)),
        ("a cycle of one", "{ ...A } fragment A on Query { ...A }".into()),
        ("a cycle of two", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into()),
        ("a cycle below", "{ me { ...A } } fragment A on User { sessions { id } ...A }".into()),
        ("depth 16", around(16, "{ me ", "", "}")),
        ("depth 2,000", around(2_000, "{me", "{id}", "}")),
        ("60,000 braces", "{".repeat(60_000)),
        ("16,000 braces", "{".repeat(16_000)),
        ("20,000 nested lists", format!("{{ me(a: {}) {{ id }} }}", around(20_000, "[", "", "]"))),
        ("5,000 nested lists", format!("{{ me(a: {}) {{ id }} }}", around(5_000, "[", "", "]"))),
        ("5,000 unclosed lists", format!("{{ me(a: {}", "[".repeat(5_000))),
        ("2,000 nested objects", format!("{{ me(a: {}) {{ id }} }}", around(2_000, "{b:", "1", "}"))),
        (
            "nested lists in a default",
            format!("query($v: [Int] = {}) {{ me {{ id }} }}", around(5_000, "[", "", "]")),
        ),
        (
            "nested objects in a default",
            format!("query($v: T = {}) {{ me {{ id }} }}", around(2_000, "{b:", "1", "}")),
        ),
        ("nested lists behind an unclosed block string", format!("{{ a(b: \"\"\" {}", "[".repeat(5_000))),
        ("nested types", format!("query($v: {}) {{ me {{ id }} }}", around(5_000, "[", "Int", "]"))),
        ("1,000 aliases", format!("{{ {} }}", numbered(1_000, |i| format!("a{i}:__typename ")))),
        (
            "31 aliases below",
            format!("{{ authSettings {{ {} }} }}", numbered(31, |i| format!("a{i}:otpLength "))),
        ),
        ("10,000 directives", format!("{{ __typename {} }}", "@a".repeat(10_000))),
        ("5,000 directives", format!("{{ __typename {} }}", "@a".repeat(5_000))),
        (
            "3,000 fragments",
            format!("{{ __typename }} {}", numbered(3_000, |i| format!("fragment F{i} on Query{{a}}"))),
        ),
        (
            "300 fragments",
            format!("{{ __typename }} {}", numbered(300, |i| format!("fragment F{i} on Query{{a}}"))),
        ),
        (
            "5,000 variables",
            format!("query({}) {{ __typename }}", numbered(5_000, |i| format!("$v{i}:Int "))),
        ),
        (
            "1,000 variables",
            format!("query({}) {{ __typename }}", numbered(1_000, |i| format!("$v{i}:Int "))),
        ),
        ("6 root fields", "{ __typename __typename __typename __typename __typename __typename }".into()),
        ("2,000 repeated fields", format!("{{ authSettings {{ {} }} }}", "otpLength ".repeat(1_400))),
        ("599 unknown fields", format!("{{ authSettings {{ {} }} }}", "x ".repeat(599))),
        (
            "50 unused variables",
            format!("query({}) {{ __typename }}", numbered(50, |i| format!("$v{i}:Int "))),
        ),
        ("a long name", format!("{{ {} }}", "x".repeat(16_000))),
        ("a long string", format!("{{ me(a: \"{}\") {{ id }} }}", "x".repeat(16_000))),
        ("garbage", "\u{0}\u{1}\u{2}".repeat(1_000)),
        ("nothing", String::new()),
        ("a comment", "#".repeat(10_000)),
        ("fan-out to nowhere 4^12", fan_out(12, 4).replace("{__typename}", "{...X}")),
        ("fan-out to nowhere 2^18", fan_out(18, 2).replace("{__typename}", "{...X}")),
        ("fan-out of inline fragments", fan_out(18, 2).replace("{__typename}", "{...{...X}}")),
        ("4,000 unknown spreads", format!("{{ {} }}", "...X ".repeat(3_200))),
        (
            "many arguments, many operations",
            format!(
                "fragment F on Query {{ x({0}) x({0}) }} {1}",
                numbered(300, |i| format!("a{i}:1 ")),
                numbered(32, |i| format!("query Q{i} {{ {}...F{} }} ", "...{".repeat(24), "}".repeat(24)))
            ),
        ),
        (
            "large fragments that nothing spreads",
            format!(
                "{{ __typename }} fragment Z on AuthSettings {{ a(b:1) {} }} {}",
                "a ".repeat(530),
                numbered(19, |i| {
                    format!(
                        "fragment F{i} on AuthSettings {{ {}...Z{} }} ",
                        "...{".repeat(61),
                        "}".repeat(61)
                    )
                })
            ),
        ),
        ("1,000 arguments", format!("{{ me({}) {{ id }} }}", numbered(1_000, |i| format!("a{i}:1 ")))),
        ("an unknown type with a default", "query($x: [Nope!]! = [1]) { __typename }".into()),
        ("an unknown type", "query($x: Nope) { __typename }".into()),
        ("a long alias", format!("{{ {}: __typename }}", "x".repeat(14_000))),
        ("aliases in conflict", conflicts()),
        ("two logins", LOGINS.replace("FIELDS", "LOGIN LOGIN").replace("LOGIN", LOGIN)),
        ("two aliased logins", LOGINS.replace("FIELDS", "a: LOGIN b: LOGIN").replace("LOGIN", LOGIN)),
        (
            "a fragment with a login spread twice",
            format!("mutation {{ ...F ...F }} fragment F on Mutation {{ {LOGIN} }}"),
        ),
        ("a login and a refresh", LOGINS.replace("FIELDS", &format!("{LOGIN} refresh {{ __typename }}"))),
    ]
}

fn conflicts() -> String {
    let pairs = numbered(14, |i| format!("{0}{i}: otpLength {0}{i}: emailRequired ", "x".repeat(60)));
    format!("{{ authSettings {{ {pairs} }} }}")
}

const LOGINS: &str = "mutation { FIELDS }";
const LOGIN: &str = "login(input: { identifier: \"ada\", password: \"x\" }) { __typename }";

#[tokio::test(flavor = "multi_thread")]
async fn every_bomb_is_refused_with_a_short_response_and_a_stable_code() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    for (name, query) in bombs() {
        let body = json!({ "query": query });
        for request in [app.post().json(&body), app.post().bearer_auth(&ada.access_token).json(&body)] {
            let answer = Answer::of(request).await;
            assert!(
                ["LIMIT_EXCEEDED", "BAD_REQUEST", "UNAUTHENTICATED"].contains(&answer.code()),
                "{name}: {}",
                answer.text
            );
            assert!(answer.text.len() < SHORT, "{name}: {} bytes", answer.text.len());
            assert!(!answer.status.is_server_error(), "{name}");
        }
        if query.len() > 5_000 {
            continue; // too long for a request line
        }
        let get = app.http.get(format!("{}/graphql", app.url)).query(&[("query", &query)]);
        let answer = get.send().await.unwrap().status();
        assert!(!answer.is_server_error(), "{name} by GET: {answer}");
    }
    assert_eq!(app.app.passwords.computed(), 1, "no login ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_variables_are_refused_by_the_json_parser() {
    let app = TestApp::start(Sqlite).await;
    for (before, after) in [("[", "]"), ("{\"a\":", "}")] {
        let variables = around(6_000, before, "1", after);
        let body = format!("{{\"query\":\"{{__typename}}\",\"variables\":{{\"v\":{variables}}}}}");
        let answer = Answer::of(app.post().header("content-type", "application/json").body(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "BAD_REQUEST"));
        assert!(answer.text.len() < SHORT);
    }
}

/// A variable is copied for each use: 5,000 uses of 20,000 values would need memory for 100 million.
#[tokio::test(flavor = "multi_thread")]
async fn repeated_uses_of_large_variables_are_refused() {
    let app = TestApp::start(Sqlite).await;
    let many: Vec<u32> = vec![0; 20_000];
    for (uses, values) in [(5_000, &many[..]), (300, &many[..]), (100, &many[..100]), (1, &many[..1_001])] {
        let query =
            format!("mutation {{ logout(refreshToken: [{}]) {{ endedSessionIds }} }}", "$v ".repeat(uses));
        let answer = app.run(&query, json!({ "v": values })).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{}", answer.text);
    }
    let query = format!("query($v: [Int]) {{ a(b: [{}]) }}", "$v ".repeat(100));
    let variables = json!({ "v": many[..100] }).to_string();
    let get =
        app.http.get(format!("{}/graphql", app.url)).query(&[("query", &query), ("variables", &variables)]);
    assert_eq!(Answer::of(get).await.code(), "LIMIT_EXCEEDED", "the limit also applies to GET requests");
}

/// An error does not repeat a misplaced value, which may be a password.
#[tokio::test(flavor = "multi_thread")]
async fn errors_do_not_repeat_values() {
    let app = TestApp::start(Sqlite).await;
    for query in [
        "mutation { login(input: [{ identifier: \"ada\", password: \"horse battery\" }]) { __typename } }",
        "mutation { login(input: { identifier: \"ada\", password: [\"horse battery\"] }) { __typename } }",
        "mutation { login(input: \"horse battery\") { __typename } }",
        "mutation { refresh(refreshToken: [\"horse battery\"]) { __typename } }",
    ] {
        let answer = app.run(query, json!({})).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        assert!(!answer.text.contains("horse"), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_is_a_setting_and_its_error_names_it() {
    let app = TestApp::with(Sqlite, &[("GRAPHQL_MAX_ROOT_FIELDS", "1")]).await;
    let answer = app.run("{ __typename __typename }", json!({})).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
    assert!(answer.text.contains("GRAPHQL_MAX_ROOT_FIELDS"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_introspection_query_of_graphiql_is_within_the_limits() {
    let app = TestApp::start(Sqlite).await;
    let query = include_str!("../../src/graphql/introspection.graphql");
    let schema = app.run(query, json!({})).await.data("__schema");
    assert_eq!(schema["queryType"]["name"], "Query");
}
