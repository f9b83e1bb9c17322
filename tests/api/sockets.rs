//! Subscriptions over WebSocket: the close codes of the protocol, and its limits.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use crate::support::{
    EMAIL, PASSWORD, SignedIn, Sqlite, TestApp,
    process::Server,
    socket::{FOLLOW, Socket},
};

fn closed(code: u16, reason: &str) -> Value {
    json!({ "closed": code, "reason": reason })
}

async fn say(app: &TestApp, messages: &[Value]) -> Socket {
    let mut socket = app.open(&[]).await.unwrap();
    for message in messages {
        socket.say(message.clone()).await;
    }
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_needs_the_protocol_an_allowed_origin_and_an_allowed_host() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", "https://app.example.org")]).await;
    for (header, value, status) in [
        ("sec-websocket-protocol", "graphql-ws", 400),
        ("sec-websocket-protocol", "", 400),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 421),
        ("sec-websocket-version", "12", 400),
    ] {
        assert_eq!(app.open(&[(header, value)]).await.err(), Some(status), "{header}: {value}");
    }
    assert!(app.open(&[("origin", "https://app.example.org")]).await.is_ok());
    assert!(app.open(&[("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_gets_its_own_code_back() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    for code in [Some(1000), Some(1001), Some(1011), Some(3000), Some(4000), Some(4499), Some(4999), None] {
        for stage in ["opened", "introduced", "following"] {
            let mut socket = match stage {
                "opened" => app.open(&[]).await.unwrap(),
                "introduced" => app.socket(&ada.access_token).await,
                _ => app.follow(&ada).await,
            };
            let frame = code.map(|code: u16| CloseFrame { code: code.into(), reason: "bye".into() });
            socket.0.send(Message::Close(frame)).await.unwrap();
            let answered = loop {
                match tokio::time::timeout(Duration::from_secs(20), socket.0.next()).await.unwrap() {
                    Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
                    Some(Ok(_)) => {}
                    other => panic!("{code:?} {stage}: {other:?}"),
                }
            };
            assert_eq!(answered, code, "{stage}");
            let end = tokio::time::timeout(Duration::from_secs(20), socket.0.next()).await.unwrap();
            assert!(end.is_none(), "{code:?} {stage}: the server ends the connection: {end:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_closes_the_connection_with_the_reason() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let late = app.sign_in(EMAIL).await;
    app.run_as(&late.access_token, "mutation { logout { endedSessionIds } }", json!({})).await;
    let init = |payload: Value| json!({ "type": "connection_init", "payload": payload });
    for (payload, reason) in [
        (Value::Null, "MISSING"),
        (json!({}), "MISSING"),
        (json!({ "accessToken": 1 }), "MISSING"),
        (json!({ "accessToken": "garbage" }), "INVALID"),
        (json!({ "accessToken": ada.refresh_token }), "INVALID"),
        (json!({ "Authorization": format!("Bearer {}", late.access_token) }), "REVOKED"),
    ] {
        assert_eq!(say(&app, &[init(payload)]).await.hear().await, closed(4403, reason));
    }
    let good = init(json!({ "Authorization": format!("Bearer {}", ada.access_token) }));
    let mut socket = say(&app, &[json!({ "type": "ping" }), json!({ "type": "pong" }), good]).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }), "a ping is answered before connection_init");
    let ack = socket.hear().await;
    assert_eq!(ack["type"], "connection_ack");
    assert!((1790..=1800).contains(&ack["payload"]["expiresIn"].as_i64().unwrap()), "{ack}");
    app.advance(Duration::from_mins(31));
    let expired = init(json!({ "accessToken": ada.access_token }));
    assert_eq!(say(&app, &[expired]).await.hear().await, closed(4403, "EXPIRED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_violations_close_the_connection_with_their_code() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let init = json!({ "type": "connection_init", "payload": { "accessToken": ada.access_token } });
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": FOLLOW } });
    assert_eq!(say(&app, std::slice::from_ref(&subscribe)).await.hear().await, closed(4401, "Unauthorized"));
    for (messages, code) in [
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), subscribe.clone(), subscribe.clone()], 4409),
        (vec![init.clone(), json!({ "type": "start", "id": "1", "payload": {} })], 4400),
        (vec![init.clone(), json!({ "type": "subscribe", "id": "", "payload": {} })], 4400),
        (vec![init.clone(), json!([])], 4400),
        (vec![json!("x")], 4400),
    ] {
        let mut socket = say(&app, &messages).await;
        let mut heard = socket.hear().await;
        while heard.get("type").is_some() {
            heard = socket.hear().await;
        }
        assert_eq!(heard["closed"], code, "{messages:?}");
    }
    for (message, code) in [
        (Message::Binary("{\"type\":\"ping\"}".into()), 4400),
        (Message::Text("x".repeat(64 * 1024 + 1).into()), 1009),
    ] {
        let mut socket = app.socket(&ada.access_token).await;
        socket.0.send(message).await.unwrap();
        assert_eq!(socket.hear().await["closed"], code);
    }
    let mut endless = app.socket(&ada.access_token).await;
    endless.0.send(Message::Text("x".repeat(1024 * 1024).into())).await.unwrap();
    assert_eq!(
        endless.hear().await["closed"],
        1009,
        "a long message is refused before it is read completely"
    );
    let mut flood = app.socket(&ada.access_token).await;
    let mut heard = Value::Null;
    for _ in 0..200 {
        let _ = flood.0.send(Message::Text("{\"type\":\"pong\"}".into())).await;
    }
    while heard["closed"].is_null() && heard["lost"].is_null() {
        heard = flood.hear().await;
    }
    assert_eq!(heard, closed(1008, "Too many messages"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_are_disconnected() {
    let app = TestApp::start(Sqlite).await;
    let mut silent = app.open(&[]).await.unwrap();
    assert_eq!(silent.hear().await, closed(4408, "Connection initialisation timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_has_the_id_of_the_request_that_opened_the_connection() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let mut socket = app.socket(&ada.access_token).await;
    app.app.db.read().clone().close();
    socket.subscribe("1", FOLLOW).await;
    let heard = socket.hear().await;
    let fault = &heard["payload"]["errors"][0]["extensions"];
    assert_eq!(fault["code"], "SERVICE_UNAVAILABLE", "{heard}");
    assert_eq!(fault["requestId"], socket.1.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_checked_like_those_sent_over_http() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let mut socket = app.socket(&ada.access_token).await;
    let bomb = format!("{{a(b:{})}}", "[".repeat(5000));
    for (query, code) in [
        ("{ me { id } }", "BAD_REQUEST"),
        ("mutation { logoutAll { endedSessionIds } }", "BAD_REQUEST"),
        ("subscription { nothing }", "BAD_REQUEST"),
        ("subscription {", "BAD_REQUEST"),
        ("", "BAD_REQUEST"),
        (&bomb, "LIMIT_EXCEEDED"),
    ] {
        socket.subscribe("1", query).await;
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!("1")), "{heard}");
        assert_eq!(heard["payload"][0]["extensions"]["code"], code, "{heard}");
        assert!(heard.to_string().len() < 600, "{heard}");
    }
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": { "query": 1 } })).await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "BAD_REQUEST");
    for id in 0..11 {
        socket.subscribe(&id.to_string(), FOLLOW).await;
    }
    let heard = socket.hear().await;
    assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!("10")));
    assert_eq!(heard["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(app.me(&ada.access_token).await, EMAIL, "no operation ran");

    // an ID can be used again once its subscription has ended
    socket.say(json!({ "type": "complete", "id": "3" })).await;
    socket.say(json!({ "type": "complete", "id": "nothing" })).await;
    socket.subscribe("3", FOLLOW).await;
    assert!(socket.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited_per_user_and_address() {
    let settings = [
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("WEBSOCKET_MAX", "5"),
        ("WEBSOCKET_MAX_PER_ADDRESS", "2"),
        ("WEBSOCKET_MAX_PER_USER", "1"),
    ];
    let app = TestApp::with(Sqlite, &settings).await;
    let ada = app.sign_up(EMAIL).await;
    let from = async |address: &str| app.open(&[("x-forwarded-for", address)]).await;
    let (one, _two) = (from("192.0.2.1").await.unwrap(), from("192.0.2.1").await.unwrap());
    assert_eq!(from("192.0.2.1").await.err(), Some(429));
    let _other = from("192.0.2.2").await.unwrap();
    drop(one);
    let _one = loop {
        if let Ok(socket) = from("192.0.2.1").await {
            break socket;
        }
    };
    let _mine = app.socket(&ada.access_token).await;
    let init = json!({ "type": "connection_init", "payload": { "accessToken": ada.access_token } });
    assert_eq!(say(&app, &[init]).await.hear().await, closed(1013, "Too many connections"));
    let mut all = Vec::new();
    let refused = loop {
        match app.open(&[]).await {
            Ok(socket) => all.push(socket),
            Err(status) => break status,
        }
    };
    assert_eq!(refused, 503);
    assert!(all.len() < 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn wider_networks_have_four_and_sixteen_times_the_connections_of_an_address() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("WEBSOCKET_MAX_PER_ADDRESS", "1")];
    let app = TestApp::with(Sqlite, &settings).await;
    let from = async |network: String| app.open(&[("x-forwarded-for", &format!("{network}::1"))]).await;
    let mut open = Vec::new();
    for third in 0..4 {
        for last in 0..4 {
            open.push(from(format!("2001:db8:1:{third:x}0{last}")).await.unwrap());
        }
        assert_eq!(from(format!("2001:db8:1:{third:x}05")).await.err(), Some(429), "its /56 is full");
    }
    assert_eq!(from("2001:db8:1:500".to_owned()).await.err(), Some(429), "its /48 is full");
    open.push(from("2001:db8:2:500".to_owned()).await.unwrap());
    assert_eq!(from("2001:db8:2:500".to_owned()).await.err(), Some(429), "its /64 is full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lasts_as_long_as_its_token_and_accepts_the_next_one() {
    let app = TestApp::with(Sqlite, &[("ACCESS_TOKEN_TTL", "3s")]).await;
    let ada = app.sign_up(EMAIL).await;
    let (mut stays, mut goes) = (app.follow(&ada).await, app.follow(&ada).await);
    let other = app.sign_up("grace@example.org").await;
    let mut confused = app.socket(&ada.access_token).await;
    let ping = |token: &str| json!({ "type": "ping", "payload": { "accessToken": token } });
    confused.say(ping(&other.access_token)).await;
    assert_eq!(confused.hear().await, closed(4403, "INVALID"));

    let mut now = ada.clone();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        now = SignedIn::from(&app.refresh(&now.refresh_token).await);
        stays.say(ping(&now.access_token)).await;
        let answer = stays.hear().await;
        assert_eq!(answer["type"], "pong");
        assert!((1..=3).contains(&answer["payload"]["expiresIn"].as_i64().unwrap()), "{answer}");
    }
    assert_eq!(goes.hear().await, closed(4403, "EXPIRED"));
    assert!(stays.is_silent().await);
    assert_eq!(stays.hear().await, closed(4403, "EXPIRED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_closes_connections_as_going_away() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, _) = Server::start(folder.path(), &["dev"], &[]).await;
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ ... on AuthPayload {{ accessToken }} }} }}"
    );
    let signed_up = server.run(&reqwest::Client::new(), &signup).await.unwrap();
    let token = signed_up["data"]["signup"]["accessToken"].as_str().unwrap();
    let mut socket = Socket::open(&server.url, &[]).await.unwrap();
    socket.say(json!({ "type": "connection_init", "payload": { "accessToken": token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket.subscribe("1", FOLLOW).await;
    let begun = std::time::Instant::now();
    let pid = server.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(socket.hear().await, closed(1001, "Going away"));
    server.child.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}
