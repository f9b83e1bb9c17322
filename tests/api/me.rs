use reqwest::{RequestBuilder, header::HeaderValue};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp, process::Server,
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn me_is_the_viewer_with_their_live_sessions_newest_first(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    app.sign_up("grace@example.org").await;
    app.advance(std::time::Duration::from_secs(1));
    let query = "mutation($i: String!, $p: String!) { login(input: { identifier: $i, password: $p }) {
        ... on AuthPayload { accessToken session { id } } } }";
    let body = json!({ "query": query, "variables": { "i": EMAIL, "p": crate::support::PASSWORD } });
    let second =
        Answer::of(app.post().header("user-agent", "Difference Engine/1.0").json(&body)).await.data("login");
    let token = second["accessToken"].as_str().unwrap();
    let query = "{ me {
        id email emailVerified username name firstName lastName bio avatarUrl role isActive hasPassword
        createdAt updatedAt lastLoginAt identities { provider email linkedAt }
        sessions { id createdAt lastUsedAt expiresAt userAgent ipAddress isCurrent }
    } }";
    let mut me = app.run_as(token, query, json!({})).await.data("me");
    let times =
        ["createdAt", "updatedAt", "lastLoginAt"].map(|field| me[field].take().as_str().unwrap().to_owned());
    assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?} are not in UTC");
    assert!(times[0] == times[1] && times[0] < times[2], "{times:?}");
    for session in me["sessions"].as_array_mut().unwrap() {
        for field in ["createdAt", "lastUsedAt", "expiresAt"] {
            assert!(session[field].take().is_string());
        }
    }
    assert_eq!(
        me,
        json!({
            "id": first.user_id, "email": EMAIL, "emailVerified": false, "username": null,
            "name": null, "firstName": null, "lastName": null, "bio": null, "avatarUrl": null,
            "role": "USER", "isActive": true, "hasPassword": true,
            "createdAt": null, "updatedAt": null, "lastLoginAt": null, "identities": [],
            "sessions": [
                { "id": second["session"]["id"], "createdAt": null, "lastUsedAt": null, "expiresAt": null,
                  "userAgent": "Difference Engine/1.0", "ipAddress": "127.0.0.1", "isCurrent": true },
                { "id": first.session_id, "createdAt": null, "lastUsedAt": null, "expiresAt": null,
                  "userAgent": null, "ipAddress": "127.0.0.1", "isCurrent": false },
            ],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_trusted_proxy_can_name_the_client() {
    let address = "{ me { sessions { ipAddress } } }";
    let query = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"correct horse battery\" }}) {{
        ... on AuthPayload {{ accessToken }} }} }}"
    );
    for (settings, expected) in
        [(&[][..], "127.0.0.1"), (&[("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")][..], "198.51.100.7")]
    {
        let app = TestApp::with(Sqlite, settings).await;
        let request = app.post().header("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2");
        let answer = Answer::of(request.json(&json!({ "query": query }))).await.data("signup");
        let me = app.run_as(answer["accessToken"].as_str().unwrap(), address, json!({})).await.data("me");
        assert_eq!(me["sessions"][0]["ipAddress"], expected);
    }
}

/// Signs in with this request, and returns the new session.
async fn session(request: RequestBuilder) -> Value {
    let query = format!(
        "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{
            ... on AuthPayload {{ session {{ ipAddress userAgent }} }} }} }}"
    );
    Answer::of(request.json(&json!({ "query": query }))).await.data("login")["session"].take()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_entry_is_read_in_every_common_form_or_else_the_client_is_unknown(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION, ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")]).await;
    app.sign_up(EMAIL).await;
    for (lines, address) in [
        (&[&b"[2001:db8::7]"[..]][..], Some("2001:db8::7")),
        (&[b"[2001:db8::7]:4711"], Some("2001:db8::7")),
        (&[b"2001:DB8:0::7"], Some("2001:db8::7")),
        (&[b"192.0.2.1:4711"], Some("192.0.2.1")),
        (&[b"fe80::1%eth0"], Some("fe80::1")),
        (&[b"[fe80::1%eth0]:4711"], Some("fe80::1")),
        (&[b"::ffff:192.0.2.1"], Some("192.0.2.1")),
        (&[b"\"[2001:db8::7]:4711\""], Some("2001:db8::7")),
        (&[b"192.0.2.1, [::ffff:10.0.0.2]:80"], Some("192.0.2.1")),
        // what the client sends is to the left of what the proxy adds
        (&[b"\xe9, nonsense, 192.0.2.1"], Some("192.0.2.1")),
        (&[b"\xff\xfe", b"192.0.2.1"], Some("192.0.2.1")),
        (&[b"unknown"], None),
        (&[b"192.0.2.1, unknown"], None),
        (&[b"192.0.2.1, unknown, 10.0.0.2"], None),
        (&[b"192.0.2.1,"], None),
        (&[b""], None),
        (&[b"192.0.2.1\xe9"], None),
        (&[b"unix:"], None),
        (&[b"192.0.2.1:port"], None),
        (&[b"192.0.2.1", b"_hidden"], None),
    ] {
        let values = lines.iter().map(|line| HeaderValue::from_bytes(line).unwrap());
        let request = values.fold(app.post(), |request, value| request.header("x-forwarded-for", value));
        let seen = session(request).await["ipAddress"].take();
        assert_eq!(seen, json!(address), "{lines:?}");
    }
    assert_eq!(
        session(app.post()).await["ipAddress"],
        "127.0.0.1",
        "without the header the request is the proxy's own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_an_unreadable_address_share_a_budget_that_is_not_the_proxys() {
    let settings =
        [NO_VERIFICATION, ("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_USERNAME_CHECKS", "2/1h")];
    let app = TestApp::with(Sqlite, &settings).await;
    let check = async |from: &str| {
        let body =
            json!({ "query": "{ usernameAvailable(username: \"ada\") { ... on UserError { code } } }" });
        let answer = Answer::of(app.post().header("x-forwarded-for", from).json(&body)).await;
        answer.data("usernameAvailable")["code"].as_str().map(str::to_owned)
    };
    for from in ["unknown", "nonsense"] {
        assert_eq!(check(from).await, None);
    }
    assert_eq!(check("something else").await.as_deref(), Some("RATE_LIMITED"));
    for from in ["[2001:db8:1::7]", "[2001:db8:1:0::8]:4711"] {
        assert_eq!(check(from).await, None);
    }
    assert_eq!(
        check("2001:db8:1::9").await.as_deref(),
        Some("RATE_LIMITED"),
        "the spelling of the address does not matter"
    );
    assert_eq!(check("[2001:db8:2::7]").await, None, "other networks are not affected");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_entry_of_a_proxy_is_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &["dev"], &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    for entry in ["un\u{9b}31mknown", "unknown", "192.0.2.1"] {
        let request = reqwest::Client::new().post(format!("{}/graphql", server.url));
        let request = request.header("x-forwarded-for", HeaderValue::from_bytes(entry.as_bytes()).unwrap());
        let answer = Answer::of(request.json(&json!({ "query": "{ __typename }" }))).await;
        assert_eq!(answer.data("__typename"), "Query");
    }
    drop(server);
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("X-Forwarded-For")).collect();
    assert_eq!(told.len(), 1, "{log}");
    for word in ["WARN", "127.0.0.1", r"un\u{9b}31mknown"] {
        assert!(told[0].contains(word), "{word}: {log}");
    }
}

/// Headers are bytes: one letter must not make the whole header unreadable.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_agent_can_have_letters_outside_ascii() {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    app.sign_up(EMAIL).await;
    for (sent, seen) in [
        ("Gerät/1.0 (日本)".as_bytes(), "Gerät/1.0 (日本)"),
        (b"Ger\xe4t/1.0", "Ger\u{fffd}t/1.0"),
        ("a\u{9b}31m/1.0".as_bytes(), "a31m/1.0"),
    ] {
        let request = app.post().header("user-agent", HeaderValue::from_bytes(sent).unwrap());
        assert_eq!(session(request).await["userAgent"], seen);
    }
}
