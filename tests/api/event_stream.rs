//! Subscriptions over server-sent events.

use std::time::Duration;

use reqwest::{Client, Response};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp,
    node::{node, text},
    socket::FOLLOW,
};

/// The longest wait for something that must happen.
const SOON: Duration = Duration::from_secs(20);

/// An open stream, and what it has sent that has not been read yet.
pub(crate) struct Stream(Response, String);

impl Stream {
    pub(crate) async fn open(app: &TestApp, query: &str, headers: &[(&str, &str)]) -> Response {
        let client = Client::builder().no_proxy().build().unwrap();
        let mut request = client.post(format!("{}/graphql", app.url)).json(&json!({ "query": query }));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Reads a stream that was opened.
    pub(crate) fn of(answer: Response) -> Self {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(answer, String::new())
    }

    async fn follow(app: &TestApp, who: &SignedIn) -> Self {
        let token = format!("Bearer {}", who.access_token);
        let headers = [("accept", "text/event-stream"), ("authorization", token.as_str())];
        let answer = Self::open(app, FOLLOW, &headers).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Self::of(answer)
    }

    /// Returns the next event and its data, or `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) =
                self.1.split_once("\n\n").map(|(one, two)| (one.to_owned(), two.to_owned()))
            {
                self.1 = rest;
                if message == ":" {
                    continue;
                }
                let (event, data) = message.split_once('\n').unwrap();
                let data = data.strip_prefix("data:").unwrap().trim();
                let data = if data.is_empty() { Value::Null } else { serde_json::from_str(data).unwrap() };
                return Some((event.strip_prefix("event: ").unwrap().to_owned(), data));
            }
            let chunk =
                tokio::time::timeout(SOON, self.0.chunk()).await.expect("the stream is silent").unwrap()?;
            self.1.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn kind(&mut self) -> Value {
        let (event, data) = self.next().await.unwrap();
        assert_eq!(event, "next", "{data}");
        data["data"]["sessionEvents"]["kind"].clone()
    }
}

/// Changes the bio until the stream reports a change.
async fn heard(app: &TestApp, stream: &mut Stream, who: &SignedIn) {
    let change = "mutation { updateProfile(input: { bio: \"hi\" }) { __typename } }";
    let change = async {
        loop {
            app.run_as(&who.access_token, change, json!({})).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let hear = async { while stream.kind().await != "PROFILE_CHANGED" {} };
    tokio::select! {
        () = hear => {}
        () = change => {}
    }
}

/// Returns the next event that is not about the profile.
async fn past_changes(stream: &mut Stream) -> (String, Value) {
    loop {
        let (event, data) = stream.next().await.unwrap();
        if data["data"]["sessionEvents"]["kind"] != "PROFILE_CHANGED" {
            return (event, data);
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_carries_events_until_its_session_ends(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let mut stream = Stream::follow(&app, &ada).await;
    heard(&app, &mut stream, &ada).await;
    app.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await.data("logout");
    let (event, data) = past_changes(&mut stream).await;
    assert_eq!((event.as_str(), &data["data"]["sessionEvents"]["kind"]), ("next", &json!("SESSION_ENDED")));
    assert_eq!(stream.next().await, Some(("complete".to_owned(), Value::Null)));
    assert_eq!(stream.next().await, None, "the connection is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_access_token_expires() {
    let app = TestApp::with(Sqlite, &[("ACCESS_TOKEN_TTL", "2s")]).await;
    let ada = app.sign_up(EMAIL).await;
    let mut stream = Stream::follow(&app, &ada).await;
    let (event, data) = stream.next().await.unwrap();
    assert_eq!(event, "next");
    assert_eq!(data["errors"][0]["extensions"]["reason"], "EXPIRED", "{data}");
    assert_eq!(stream.next().await.unwrap().0, "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_needs_a_token_and_carries_no_mutations() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let token = format!("Bearer {}", ada.access_token);
    let events = ("accept", "text/event-stream");
    let anonymous = Stream::open(&app, FOLLOW, &[events]).await;
    assert_eq!(anonymous.status(), 401);
    let body: Value = anonymous.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    for query in ["mutation { logoutAll { endedSessionIds } }", "subscription { nothing }", "{"] {
        let refused = Stream::open(&app, query, &[events, ("authorization", &token)]).await;
        assert_eq!(refused.status(), 400, "{query}");
    }
    assert_eq!(app.me(&ada.access_token).await, EMAIL, "the mutation did not run");
    // a query is a stream of one response
    let query = Stream::open(&app, "{ me { email } }", &[events, ("authorization", &token)]).await;
    let mut query = Stream(query, String::new());
    assert_eq!(
        query.next().await,
        Some(("next".to_owned(), json!({ "data": { "me": { "email": EMAIL } } })))
    );
    assert_eq!(query.next().await.unwrap().0, "complete");
    // a client that also accepts JSON gets it, except for a subscription
    let both = ("accept", "application/json, text/event-stream");
    let json = Stream::open(&app, "{ me { email } }", &[both, ("authorization", &token)]).await;
    assert!(json.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    let subscription = Stream::open(&app, FOLLOW, &[both, ("authorization", &token)]).await;
    assert_eq!(subscription.headers()["content-type"], "text/event-stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_count_as_websockets_and_free_their_place() {
    let app = TestApp::with(Sqlite, &[("WEBSOCKET_MAX_PER_USER", "2")]).await;
    let ada = app.sign_up(EMAIL).await;
    let token = format!("Bearer {}", ada.access_token);
    let headers = [("accept", "text/event-stream"), ("authorization", token.as_str())];
    let mut one = Stream::follow(&app, &ada).await;
    let socket = app.follow(&ada).await;
    assert_eq!(Stream::open(&app, FOLLOW, &headers).await.status(), 429);
    drop(socket);
    heard(&app, &mut one, &ada).await;
    drop(one);
    for _ in 0..100 {
        if Stream::open(&app, FOLLOW, &headers).await.status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a stream that the client left keeps its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_party_client_follows_events_until_the_session_ends() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let url = format!("{}/graphql", app.url);
    let seen =
        tokio::task::spawn_blocking(move || node(&["stream.mjs", &url, &ada.access_token])).await.unwrap();
    assert!(seen.status.success(), "{}", text(&seen.stderr));
    let kinds: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!(kinds, json!(["PROFILE_CHANGED", "SESSION_ENDED"]));
}
