//! The transport: methods, media types, bodies, origins, hosts, health.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Answer, EMAIL, PASSWORD, Sqlite, TestApp};

const JSON: &str = "application/json";
const TYPENAME: &str = "{\"query\":\"{__typename}\"}";

async fn post(app: &TestApp, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    Answer::of(app.post().header("content-type", content_type).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_and_foreign_bodies_never_run() {
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
async fn malformed_requests_are_told_what_is_wrong_with_a_stable_code() {
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
    assert_eq!(answer.data("login")["code"], "INVALID_CREDENTIALS", "NULs are characters like others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_at_most_64_kib() {
    let app = TestApp::start(Sqlite).await;
    let padded = |length: usize| format!("{TYPENAME}{}", " ".repeat(length - TYPENAME.len()));
    assert_eq!(post(&app, JSON, padded(64 * 1024)).await.status, StatusCode::OK);
    let above = post(&app, JSON, padded(64 * 1024 + 1)).await;
    assert_eq!((above.status, above.code()), (StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST"));
    let password =
        json!({ "query": "mutation { login }", "variables": { "password": "p".repeat(1_000_000) } });
    for _ in 0..50 {
        let refused = post(&app, JSON, password.to_string()).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "whoever still sends reads it too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_type_of_answers_is_negotiated_and_decides_the_status_of_request_errors() {
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
async fn queries_run_by_get() {
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
async fn every_answer_names_its_request() {
    let app = TestApp::start(Sqlite).await;
    let mut seen = std::collections::HashSet::new();
    for path in ["/graphql", "/health/live", "/nothing", "/.well-known/jwks.json"] {
        let answer = Answer::of(app.http.get(format!("{}{path}", app.url))).await;
        assert!(seen.insert(answer.header("x-request-id").to_owned()), "{path}");
    }
    assert!(!seen.contains(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_and_wrong_methods_are_told_in_json() {
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
async fn scripts_of_allowed_origins_may_call_and_others_not() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", "https://app.example.org")]).await;
    for (origin, allowed) in [
        ("https://app.example.org", true),
        (app.url.as_str(), true),
        ("http://localhost:5173", true),
        ("http://127.0.0.1", true),
        ("https://localhost:5173", true),
        ("https://localhost", true),
        ("http://app.localhost:3000", true),
        ("https://a.b.localhost", true),
        ("https://127.0.0.1:8443", true),
        ("http://[::1]:5173", true),
        ("https://[::1]", true),
        ("http://127.0.0.1.evil.example", false),
        ("http://evillocalhost:5173", false),
        ("http://localhost@evil.example", false),
        ("http://evil.example/localhost", false),
        ("ws://localhost:5173", false),
        ("capacitor://localhost", false),
        ("http://[::2]:5173", false),
        ("http://localhost:99999", false),
        ("http://localhost.evil.example", false),
        ("http://localhost:5173.evil.example", false),
        ("http://localhost:", false),
        ("https://app.example.org.evil.example", false),
        ("null", false),
    ] {
        let preflight = app
            .http
            .request(Method::OPTIONS, format!("{}/graphql", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", ASKED);
        let answer = Answer::of(preflight).await;
        assert_eq!(answer.status.is_success(), allowed, "{origin}");
        assert_eq!(answer.header("access-control-allow-headers"), if allowed { ASKED } else { "" });
        let request = app.post().header("origin", origin).json(&json!({ "query": "{ __typename }" }));
        let answer = Answer::of(request).await;
        let expected = if allowed { (200, origin) } else { (403, "") };
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), expected);
        let credentials = if allowed { "true" } else { "" };
        assert_eq!(answer.header("access-control-allow-credentials"), credentials);
    }
}

/// What apps ask for, and what libraries for tracing, Apollo and others ask for with them.
const ASKED: &str = "apollographql-client-name,authorization,baggage,content-type,sentry-trace,traceparent,tracestate,\
                     x-datadog-trace-id,x-requested-with,x-token-delivery";

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_however_its_media_type_is_written() {
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

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_what_browsers_send() {
    let allowed = "capacitor://localhost, ionic://localhost,tauri://localhost,app://.,chrome-extension://abcdef,\
                   https://App.Example.org:443,http://bücher.example:8080,https://*.preview.example.org,http://*.dev.example.org:3000";
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", allowed)]).await;
    for (origin, is_allowed) in [
        ("capacitor://localhost", true),
        ("ionic://localhost", true),
        ("tauri://localhost", true),
        ("app://.", true),
        ("chrome-extension://abcdef", true),
        ("https://app.example.org", true),
        ("http://xn--bcher-kva.example:8080", true),
        ("https://a.preview.example.org", true),
        ("https://a-1.b.preview.example.org", true),
        ("http://a.dev.example.org:3000", true),
        ("capacitor://localhost.evil.example", false),
        ("chrome-extension://abcdefg", false),
        ("https://app.example.org:8443", false),
        ("http://app.example.org", false),
        ("https://preview.example.org", false),
        ("https://.preview.example.org", false),
        ("https://a..preview.example.org", false),
        ("https://apreview.example.org", false),
        ("https://evil.example/.preview.example.org", false),
        ("https://evil.example:1.preview.example.org", false),
        ("https://a@b.preview.example.org", false),
        ("https://*.preview.example.org", false),
        ("http://a.preview.example.org", false),
        ("https://a.preview.example.org.evil.example", false),
        ("https://a.preview.example.org:8443", false),
        ("http://a.dev.example.org", false),
        ("null", false),
    ] {
        let request = app.post().header("origin", origin).json(&json!({ "query": "{ __typename }" }));
        let answer = Answer::of(request).await;
        let expected = if is_allowed { (200, origin) } else { (403, "") };
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            expected,
            "{origin}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_origin_may_read_what_is_public() {
    let app = TestApp::with(Sqlite, &[("JWT_ISSUER", "https://example.org/accounts")]).await;
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/accounts",
        "/.well-known/openid-configuration/accounts",
        "/accounts/.well-known/openid-configuration",
        "/accounts/.well-known/oauth-authorization-server",
    ] {
        let url = format!("{}{path}", app.url);
        for origin in [None, Some("https://elsewhere.example"), Some("null")] {
            let mut request = app.http.get(&url);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = Answer::of(request).await;
            let open = ["access-control-allow-origin", "cross-origin-resource-policy"]
                .map(|name| answer.header(name));
            assert_eq!((answer.status.as_u16(), open), (200, ["*", "cross-origin"]), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        }
        let preflight = app
            .http
            .request(Method::OPTIONS, &url)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "traceparent");
        let answer = Answer::of(preflight).await;
        let told = ["origin", "methods", "headers"]
            .map(|what| answer.header(&format!("access-control-allow-{what}")));
        assert_eq!((answer.status.as_u16(), told), (204, ["*", "GET, HEAD", "traceparent"]), "{path}");
        assert_eq!(Answer::of(app.http.head(&url)).await.status, 200);
    }
    let own =
        Answer::of(app.http.get(format!("{}/health/live", app.url)).header("origin", "https://a.example"))
            .await;
    assert_eq!(own.header("cross-origin-resource-policy"), "same-origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn beneath_a_path_all_is_found_whether_the_proxy_takes_it_off_or_not() {
    let app = TestApp::with(
        Sqlite,
        &[
            ("PUBLIC_URL", "http://127.0.0.1/some/accounts"),
            ("GOOGLE_CLIENT_ID", "x"),
            ("GOOGLE_CLIENT_SECRET", "y"),
        ],
    )
    .await;
    let html = "text/html";
    for prefix in ["", "/some/accounts"] {
        for page in ["/", "/demo", "/mailbox", "/activate", "/sign-in", "/reset-password", "/undo", "/google"]
        {
            let address = reqwest::Url::parse(&format!("{}{prefix}{page}", app.url)).unwrap();
            let answer = Answer::of(app.http.get(address.clone()).header("accept", html)).await;
            assert_eq!(answer.status, 200, "{address}");
            let is_loaded =
                |text: &&str| [Some("css"), Some("js")].contains(&text.rsplit_once('.').map(|(_, end)| end));
            let loaded = answer.text.split(['"', '\'']).filter(is_loaded);
            for file in loaded {
                let file_at = address.join(file).unwrap();
                assert!(!file.starts_with('/') && file_at.path().starts_with(prefix), "{address}: {file}");
                assert_eq!(Answer::of(app.http.get(file_at)).await.status, 200, "{address}: {file}");
            }
        }
        for path in ["/mailbox/api", "/health/live", "/.well-known/jwks.json", "/graphql?query={__typename}"]
        {
            let answer = Answer::of(app.http.get(format!("{}{prefix}{path}", app.url))).await;
            assert_eq!(answer.status, 200, "{prefix}{path}");
        }
    }
    let script = Answer::of(app.http.get(format!("{}/mailbox/mailbox.js", app.url))).await.text;
    assert!(
        !script.contains("'/mailbox") && !script.contains("`/mailbox"),
        "what it fetches is relative too"
    );
    let plain =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (path, location) in [
        ("/some/accounts", "/some/accounts/"),
        ("/some/accounts?code=1", "/some/accounts/?code=1"),
        ("/some/accounts/mailbox/", "../mailbox"),
        ("/mailbox/", "../mailbox"),
    ] {
        let answer = Answer::of(plain.get(format!("{}{path}", app.url))).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, location), "{path}");
    }
    for path in ["/some", "/some/accountsx", "/some/accounts/nothing", "/some/accounts//"] {
        assert_eq!(Answer::of(app.http.get(format!("{}{path}", app.url))).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_ours_is_misdirected() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_HOSTS", "accounts.example.org")]).await;
    for (host, status) in [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("ACCOUNTS.example.org:443", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("accounts.example.org.evil.example", 421),
        ("accounts.example.org@evil.example", 421),
        ("x", 421),
    ] {
        let answer =
            Answer::of(app.post().header("host", host).json(&json!({ "query": "{ __typename }" }))).await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        let health = app.http.get(format!("{}/health/ready", app.url)).header("host", host);
        assert_eq!(Answer::of(health).await.status, 200, "{host}: probes ask by address");
    }
    let absolute =
        raw(&app, "GET http://evil.example/graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await;
    assert!(absolute.starts_with("HTTP/1.1 421"), "{absolute}");
    let none = raw(&app, "GET /graphql?query={__typename} HTTP/1.0\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.0 421"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_and_ready_asks_the_database() {
    let app = TestApp::start(Sqlite).await;
    for path in ["/health/live", "/health/ready"] {
        let answer = Answer::of(app.http.get(format!("{}{path}", app.url))).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({ "status": "ok" })));
    }
    app.app.db.read().clone().close();
    tokio::time::sleep(Duration::from_millis(600)).await; // an answer stands for half a second
    let ready = Answer::of(app.http.get(format!("{}/health/ready", app.url))).await;
    assert_eq!((ready.status.as_u16(), ready.code()), (503, "SERVICE_UNAVAILABLE"));
    let live = Answer::of(app.http.get(format!("{}/health/live", app.url))).await;
    assert_eq!(live.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_is_unavailable_and_says_nothing_of_itself() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    app.app.db.read().clone().close();
    for answer in [
        app.run_as(&ada.access_token, "{ me { id } }", Value::Null).await,
        app.run(
            "mutation { login(input: { identifier: \"ada\", password: \"x\" }) { __typename } }",
            Value::Null,
        )
        .await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "SERVICE_UNAVAILABLE"));
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text.to_lowercase().contains("pool"), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_on_one_connection_are_answered_in_order() {
    let app = TestApp::start(Sqlite).await;
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        TYPENAME.len()
    );
    let both = format!("{request}\r\n{TYPENAME}{request}Connection: close\r\n\r\n{TYPENAME}");
    assert_eq!(raw(&app, &both).await.matches("\"__typename\":\"Query\"").count(), 2);
}

async fn raw(app: &TestApp, request: &str) -> String {
    let mut socket = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_string(&mut answer)).await;
    read.expect("an answer in time").unwrap();
    answer
}
