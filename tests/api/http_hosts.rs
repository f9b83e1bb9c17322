//! Host names and base paths: which of them the server accepts.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    http::TYPENAME,
    support::{Answer, Sqlite, TestApp},
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_under_a_base_path_whether_or_not_the_proxy_strips_it() {
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
        "the script's own requests are relative too"
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
async fn a_request_for_another_host_is_misdirected() {
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
        assert_eq!(Answer::of(health).await.status, 200, "{host}: health probes use the address");
    }
    let absolute =
        raw(&app, "GET http://evil.example/graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await;
    assert!(absolute.starts_with("HTTP/1.1 421"), "{absolute}");
    let none = raw(&app, "GET /graphql?query={__typename} HTTP/1.0\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.0 421"), "{none}");
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
