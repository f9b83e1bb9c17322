//! The edge: clients that send slowly, read slowly, send too much or connect too often are refused and disconnected.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Answer, Sqlite, TestApp, process::Server};

const TYPENAME: &str = "{\"query\":\"{__typename}\"}";

/// A response, as read from the socket.
struct Raw {
    status: u16,
    headers: HashMap<String, String>,
    body: Value,
}

impl Raw {
    /// Reads until the server closes the connection, for at most half a minute.
    async fn read(socket: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut bytes)).await.ok()?;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Self { status, headers, body: serde_json::from_str(body).unwrap_or_default() })
    }

    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }
}

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap()
}

async fn send(app: &TestApp, request: &str) -> Raw {
    let mut socket = connect(&app.url).await;
    // the write fails if the server refuses the request before it has read the rest
    let _ = socket.write_all(request.as_bytes()).await;
    Raw::read(&mut socket).await.unwrap_or_else(|| panic!("no answer to {request:.60}"))
}

/// Sends `text` byte by byte until there is a response, and returns it with the time it took.
async fn drip(app: &TestApp, before: &str, text: &str) -> (Raw, Duration) {
    let mut socket = connect(&app.url).await;
    socket.write_all(before.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let (reading, mut writing) = socket.split();
    let drops = async {
        for byte in text.bytes() {
            if writing.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = drops => unreachable!(),
        _ = reading.readable() => {}
        () = tokio::time::sleep(Duration::from_secs(40)) => panic!("the server does not give up"),
    }
    let took = begun.elapsed();
    (Raw::read(&mut socket).await.expect("an answer"), took)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_head_must_arrive_within_ten_seconds() {
    let app = TestApp::start(Sqlite).await;
    let head = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(200));
    let (late, took) = drip(&app, "", &head).await;
    assert_eq!((late.status, late.code()), (408, "BAD_REQUEST"));
    assert_eq!(late.headers["connection"], "close");
    assert!((8..20).contains(&took.as_secs()), "{took:?}");
    let mut silent = connect(&app.url).await;
    assert!(Raw::read(&mut silent).await.is_none(), "a silent client is disconnected without a response");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_must_arrive_within_twenty_seconds() {
    let app = TestApp::start(Sqlite).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    let (late, took) = drip(&app, head, &" ".repeat(500)).await;
    assert_eq!((late.status, late.code()), (408, "BAD_REQUEST"));
    assert!((18..32).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_no_client_reads_is_abandoned() {
    let app = TestApp::start(Sqlite).await;
    let mut socket = connect(&app.url).await;
    let many = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let begun = Instant::now();
    // the server stops reading while it cannot write, so this write blocks until the server gives up
    while tokio::time::timeout(Duration::from_secs(45), socket.write_all(many.as_bytes()))
        .await
        .unwrap()
        .is_ok()
    {}
    assert!(begun.elapsed() > Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_can_stay_open_longer_than_a_request_head_may_take() {
    let app = TestApp::start(Sqlite).await;
    let mut socket = connect(&app.url).await;
    let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n";
    socket.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(12)).await;
    socket.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut both = String::new();
    socket.read_to_string(&mut both).await.unwrap();
    assert_eq!(both.matches("HTTP/1.1 200").count(), 2, "{both}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_request_heads_are_refused() {
    let app = TestApp::start(Sqlite).await;
    let host = "Host: localhost\r\n";
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/3.9\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{host}no colon\r\n\r\n"), 400),
        (format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(20_000)), 431),
        (format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(20_000)), 431),
        (format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X: x\r\n".repeat(150)), 431),
        (
            format!(
                "GET /health/live HTTP/1.1\r\n{host}Authorization: Bearer {}\r\n\r\n",
                "x".repeat(1_000_000)
            ),
            431,
        ),
        (format!("POST /graphql HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}"), 400),
        (format!("POST /graphql HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n{{}}"), 400),
    ] {
        let answer = send(&app, &request).await;
        assert_eq!((answer.status, &answer.body), (status, &Value::Null), "{request:.80}");
        assert_eq!(answer.headers["content-length"], "0", "{request:.80}");
    }
    // the same on a connection that has already served a request
    let both = format!("GET /health/live HTTP/1.1\r\n{host}\r\nnonsense\r\n\r\n");
    let mut socket = connect(&app.url).await;
    socket.write_all(both.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("{\"status\":\"ok\"}HTTP/1.1 400"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_refused_while_sending_gets_the_response() {
    let app = TestApp::start(Sqlite).await;
    let long = "x".repeat(100_000);
    let heads = ["content-length: 1000000\r\n\r\n", "cookie: "];
    for (rest, status) in heads.into_iter().zip(["413", "431"]) {
        let mut socket = connect(&app.url).await;
        let head =
            format!("POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{rest}");
        socket.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..5 {
            socket.write_all(long.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(&answer[9..12], status, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_not_supported() {
    let app = TestApp::start(Sqlite).await;
    let mut socket = connect(&app.url).await;
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await.unwrap();
    let answer = Raw::read(&mut socket).await;
    assert!(answer.is_none_or(|answer| answer.status == 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_are_refused() {
    let app = TestApp::start(Sqlite).await;
    for (coding, status) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 200)] {
        let request =
            app.post().header("content-type", "application/json").header("content-encoding", coding);
        let answer = Answer::of(request.body(TYPENAME)).await;
        assert_eq!(answer.status.as_u16(), status, "{coding}");
        let told = if status == 415 { "identity" } else { "" };
        assert_eq!(answer.header("accept-encoding"), told, "RFC 9110 §15.5.16");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_has_the_security_headers_for_browsers() {
    let http = TestApp::start(Sqlite).await;
    let https = TestApp::with(
        Sqlite,
        &[("PUBLIC_URL", "https://accounts.example.org"), ("ALLOWED_HOSTS", "127.0.0.1")],
    )
    .await;
    for (app, transport) in [(&http, ""), (&https, "max-age=31536000")] {
        let get = |path: &str| app.http.get(format!("{}{path}", app.url));
        for request in [
            get("/health/live"),
            get("/health/ready"),
            get("/nothing"),
            get("/.well-known/jwks.json"),
            get("/activate"),
            get("/mailbox"),
            get("/graphql"),
            get("/graphql").header("host", "evil.example"),
            get("/graphql").header("origin", "https://evil.example"),
            app.post().body("x"),
            app.post().json(&json!({ "query": "{ me { id } }" })),
            app.post().json(&json!({ "query": "{ __typename }" })),
        ] {
            let answer = Answer::of(request).await;
            let of = |name: &str| answer.header(name);
            assert_eq!(of("x-content-type-options"), "nosniff", "{answer:?}");
            assert_eq!(of("referrer-policy"), "no-referrer", "{answer:?}");
            assert!(of("content-security-policy").contains("frame-ancestors 'none'"), "{answer:?}");
            assert!(of("content-security-policy").contains("default-src 'none'"), "{answer:?}");
            assert_eq!(of("strict-transport-security"), transport, "{answer:?}");
        }
    }
}

/// Connects from the given address of this machine.
async fn from(address: Ipv4Addr, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(server.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap()
}

/// Sends a request and keeps the connection open. Returns the status, or 0 if the connection was reset.
async fn ask(socket: &mut TcpStream) -> u16 {
    let request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let _ = socket.write_all(request).await;
    let mut bytes = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_exact(&mut bytes)).await;
    // a client that writes while it is refused may find the connection reset
    read.expect("an answer in time").map_or(0, |_| str::from_utf8(&bytes[9..]).unwrap().parse().unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited_in_total_and_per_address_except_for_proxies() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        [("MAX_CONNECTIONS", "20"), ("MAX_CONNECTIONS_PER_ADDRESS", "5"), ("TRUSTED_PROXIES", "127.0.0.3")];
    let server = Server::production(folder.path(), &settings).await;
    let turned_away = |status: u16, told: u16| [0, told].contains(&status);
    let stranger = Ipv4Addr::new(127, 0, 0, 2);
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut socket = from(stranger, &server).await;
        assert_eq!(ask(&mut socket).await, 200);
        kept.push(socket);
    }
    assert!(turned_away(ask(&mut from(stranger, &server).await).await, 429));
    assert_eq!(
        ask(&mut from(Ipv4Addr::new(127, 0, 0, 4), &server).await).await,
        200,
        "other addresses are served"
    );
    kept.pop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut again = from(stranger, &server).await;
    assert_eq!(ask(&mut again).await, 200, "a closed connection makes room for a new one");
    kept.push(again);
    while kept.len() < 20 {
        let mut socket = from(Ipv4Addr::new(127, 0, 0, 3), &server).await;
        assert_eq!(ask(&mut socket).await, 200, "the limit per address does not apply to a proxy");
        kept.push(socket);
    }
    assert!(turned_away(ask(&mut from(Ipv4Addr::new(127, 0, 0, 3), &server).await).await, 503));
    drop(kept);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ask(&mut from(stranger, &server).await).await, 200);
}
