//! HTTP: methods, media types, bodies, status codes and unknown paths.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, Sqlite, TestApp};

const JSON: &str = "application/json";
pub(crate) const TYPENAME: &str = "{\"query\":\"{__typename}\"}";

async fn post(app: &TestApp, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    Answer::of(app.post().header("content-type", content_type).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_by_get_and_bodies_of_other_media_types_never_run() {
    let app = TestApp::start(Sqlite).await;
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let body = json!({ "query": signup }).to_string();

    let get = Answer::of(app.http.get(format!("{}/graphql", app.url)).query(&[("query", &signup)])).await;
    assert_eq!((get.status, get.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    let (media_type, charset) = ("with the Content-Type application/json", "JSON must be UTF-8");
    for (content_type, told) in [
        ("text/plain", media_type),
        ("text/plain; x=application/json", media_type),
        ("application/x-www-form-urlencoded", media_type),
        ("multipart/form-data; boundary=x", media_type),
        ("application/json-seq", media_type),
        ("application/json, text/plain", media_type),
        ("", media_type),
        ("application/json; charset=latin1", charset),
        ("application/json ; charset=\"ISO-8859-1\"", charset),
        ("application/json;charset=utf-16", charset),
        ("application/json;charset=utf-8;charset=utf-7", charset),
        ("application/json;charset=", charset),
    ] {
        let answer = post(&app, content_type, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        assert!(answer.text.contains(told), "{content_type}: {}", answer.text);
    }
    let twice =
        app.post().header("content-type", JSON).header("content-type", "text/plain").body(body.clone());
    assert_eq!(Answer::of(twice).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = app
            .http
            .request(method, format!("{}/graphql", app.url))
            .header("content-type", JSON)
            .body(body.clone());
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, POST"));
    }
    let batch = post(&app, JSON, format!("[{body},{body}]")).await;
    assert_eq!((batch.status, batch.code()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
    assert_eq!(app.app.passwords.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_get_a_stable_code_and_the_reason() {
    let app = TestApp::start(Sqlite).await;
    let login = |input: &str| {
        let query = "mutation($i: LoginInput!) { login(input: $i) { __typename ... on UserError { code } } }";
        format!("{{\"query\":\"{query}\",\"variables\":{{\"i\":{input}}}}}")
    };
    for body in [
        "",
        "null",
        "1",
        "\"{__typename}\"",
        "[]",
        "{}",
        "{",
        "{\"query\":1}",
        "{\"query\":null}",
        "{\"query\":{}}",
        "{\"query\":\"{__typename}\",\"variables\":[]}",
        "{\"query\":\"{__typename}\",\"variables\":\"x\"}",
        "{\"query\":\"{__typename}\",\"operationName\":1}",
        "{\"query\":\"{__typename}\",\"extensions\":1}",
        "{\"query\":\"{__typename}\"} trailing",
        "{\"query\":\"\\ud800\"}",
        "{\"query\":\"{__typename\"}",
        &login("null"),
        &login("1"),
        &login("\"x\""),
        &login("[]"),
        &login("{}"),
        &login("{\"identifier\":1,\"password\":true}"),
        &login("{\"identifier\":null,\"password\":null}"),
        &login("{\"identifier\":[\"x\"],\"password\":{}}"),
        &login("{\"identifier\":\"x\",\"password\":\"x\",\"more\":1}"),
        &login("{\"identifier\":\"\\ud800\",\"password\":\"x\"}"),
    ] {
        let answer = post(&app, JSON, body.to_owned()).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{body}: {}", answer.text);
        assert!(
            answer.status.is_client_error() || answer.status == StatusCode::OK,
            "{body}: {}",
            answer.status
        );
        assert!(answer.text.len() < 1000, "{body}: {}", answer.text);
    }
    let invalid_utf8 = post(&app, JSON, b"{\"query\":\"\xff\xfe\"}".to_vec()).await;
    assert_eq!(invalid_utf8.code(), "BAD_REQUEST");
    let answer = post(&app, JSON, login("{\"identifier\":\"a\\u0000b\",\"password\":\"\\u0000\"}")).await;
    assert_eq!(answer.data("login")["code"], "INVALID_CREDENTIALS", "NUL is an ordinary character");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_more_than_64_kib_is_refused() {
    let app = TestApp::start(Sqlite).await;
    let padded = |length: usize| format!("{TYPENAME}{}", " ".repeat(length - TYPENAME.len()));
    assert_eq!(post(&app, JSON, padded(64 * 1024)).await.status, StatusCode::OK);
    let above = post(&app, JSON, padded(64 * 1024 + 1)).await;
    assert_eq!((above.status, above.code()), (StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST"));
    let password =
        json!({ "query": "mutation { login }", "variables": { "password": "p".repeat(1_000_000) } });
    for _ in 0..50 {
        let refused = post(&app, JSON, password.to_string()).await;
        assert_eq!(
            refused.status,
            StatusCode::PAYLOAD_TOO_LARGE,
            "a client that is still sending also gets the response"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_negotiated_media_type_decides_the_status_of_request_errors() {
    let app = TestApp::start(Sqlite).await;
    let graphql = "application/graphql-response+json";
    for (accept, query, status, content_type) in [
        (JSON, "{ __typename }", 200, JSON),
        (graphql, "{ __typename }", 200, graphql),
        (JSON, "{ nothing }", 200, JSON),
        (graphql, "{ nothing }", 400, graphql),
        (JSON, "{", 200, JSON),
        (graphql, "{", 400, graphql),
        (JSON, "{ me { id } }", 401, JSON),
        (graphql, "{ me { id } }", 401, graphql),
        ("text/html", "{ __typename }", 406, JSON),
    ] {
        let answer = Answer::of(app.post().header("accept", accept).json(&json!({ "query": query }))).await;
        assert_eq!(answer.status.as_u16(), status, "{accept} {query}");
        assert_eq!(answer.header("content-type"), format!("{content_type}; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body.get("data").is_some(), answer.body.get("errors").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_can_be_sent_by_get() {
    let app = TestApp::start(Sqlite).await;
    let query = "query A($no: Boolean!) { authSettings @skip(if: $no) { otpLength } } mutation B { logout { endedSessionIds } }";
    let get = app.http.get(format!("{}/graphql", app.url));
    let get = |pairs: &[(&str, &str)]| get.try_clone().unwrap().query(pairs);
    let answer =
        Answer::of(get(&[("query", query), ("operationName", "A"), ("variables", "{\"no\":false}")])).await;
    assert_eq!(answer.data("authSettings")["otpLength"], 8);
    assert_eq!(Answer::of(get(&[("query", query), ("operationName", "B")])).await.status, 405);
    assert_eq!(Answer::of(get(&[("query", query), ("variables", "[")])).await.code(), "BAD_REQUEST");
    assert_eq!(Answer::of(get(&[("noquery", "1")])).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_has_a_request_id() {
    let app = TestApp::start(Sqlite).await;
    let mut seen = std::collections::HashSet::new();
    for path in ["/graphql", "/health/live", "/nothing", "/.well-known/jwks.json"] {
        let answer = Answer::of(app.http.get(format!("{}{path}", app.url))).await;
        assert!(seen.insert(answer.header("x-request-id").to_owned()), "{path}");
    }
    assert!(!seen.contains(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_wrong_methods_get_errors_in_json_or_html() {
    let app = TestApp::start(Sqlite).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in
        ["/nothing", "/nothing/", "/a/b/c", "/mailbox/nothing", "/.well-known/nothing", "/favicon.ico"]
    {
        for accept in ["*/*", JSON, "application/json, text/html"] {
            let nothing =
                Answer::of(app.http.get(format!("{}{path}", app.url)).header("accept", accept)).await;
            assert_eq!((nothing.status.as_u16(), nothing.code()), (404, "NOT_FOUND"), "{path} {accept}");
        }
        let page = Answer::of(app.http.get(format!("{}{path}", app.url)).header("accept", browser)).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
        assert!(page.text.contains("<h1>404 Not Found</h1>") && page.header("cache-control") == "no-store");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        let head = Answer::of(app.http.head(format!("{}{path}", app.url)).header("accept", browser)).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (404, ""));
    }
    for (path, status) in [("/health/live", 405), ("/demo", 405), ("/.well-known/jwks.json", 405)] {
        let request = app.http.post(format!("{}{path}", app.url)).header("accept", browser);
        let page = Answer::of(request).await;
        assert_eq!((page.status.as_u16(), page.header("allow")), (status, "GET, HEAD"), "{path}");
        assert!(page.text.contains("<h1>405 Method Not Allowed</h1>"), "{path}");
    }
    let elsewhere = app.http.get(&app.url).header("host", "evil.example").header("accept", browser);
    let elsewhere = Answer::of(elsewhere).await;
    assert!(elsewhere.status == 421 && elsewhere.text.contains("<h1>421 Misdirected Request</h1>"));
    let wrong = Answer::of(app.http.post(format!("{}/health/live", app.url))).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code(), wrong.header("allow")),
        (405, "BAD_REQUEST", "GET, HEAD")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_accepted_in_every_spelling_of_its_media_type() {
    let app = TestApp::start(Sqlite).await;
    for content_type in [
        JSON,
        "Application/JSON",
        "application/json ; charset=utf-8",
        "application/json\t;\tcharset=utf-8 ; ",
        "application/json;",
        "application/json;;charset=UTF-8",
        "application/json;charset=utf8",
        "application/json; Charset=\"utf-8\"",
        "application/json; charset=\"ut\\f-8\"",
        "application/json; charset = UTF8",
        "application/json; profile=\"a;charset=latin1\"; charset=utf-8",
        "application/json; odata=verbose",
        "application/json; charset",
        "application/json, application/json; charset=utf-8",
    ] {
        let answer = post(&app, content_type, TYPENAME).await;
        assert_eq!(answer.status, StatusCode::OK, "{content_type}: {}", answer.text);
    }
    let twice = app.post().header("content-type", JSON).header("content-type", JSON).body(TYPENAME);
    assert_eq!(Answer::of(twice).await.status, StatusCode::OK);
}
