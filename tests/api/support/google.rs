//! The steps of users with Google, and a Google server that misbehaves.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gatehouse::{clock::Clock, config::ProviderKind, fake_provider::FakeProvider};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Database, SIGN_IN, TestApp, second_factors::SECOND_FACTOR};

/// Returns a person with a Gmail address.
pub fn ada() -> Value {
    json!({ "sub": "1001", "email": "ada@gmail.com", "email_verified": true, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace" })
}

/// Returns the same person with an address at a domain that Google hosts, or at one that it does not host.
pub fn ada_at(email: &str, hd: Option<&str>) -> Value {
    json!({ "sub": "1001", "email": email, "email_verified": true, "hd": hd })
}

pub fn id_token(google: &FakeProvider, person: &Value) -> Value {
    json!({ "idToken": { "idToken": google.id_token(&google.claims(person)).unwrap() } })
}

pub fn access_token(google: &FakeProvider, person: &Value) -> Value {
    json!({ "accessToken": google.access_token(FakeProvider::tokeninfo(person), person.clone()) })
}

/// A page in a browser that started a sign-in and has returned from Google.
#[derive(Clone, Debug)]
pub struct Visit {
    pub code: String,
    pub state: String,
    pub code_verifier: String,
}

impl Visit {
    pub fn input(&self) -> Value {
        json!({ "authorizationCode": { "code": self.code, "state": self.state, "codeVerifier": self.code_verifier } })
    }
}

impl TestApp {
    /// Starts a server that uses its own fake Google.
    pub async fn with_google(database: Database, settings: &[(&str, &str)]) -> (Self, FakeProvider) {
        Self::with_google_at(database, &Clock::default(), settings).await
    }

    /// Starts a server and a fake Google that has this clock.
    pub async fn with_google_at(
        database: Database,
        clock: &Clock,
        settings: &[(&str, &str)],
    ) -> (Self, FakeProvider) {
        let google = FakeProvider::start(ProviderKind::Google, clock).await.unwrap();
        let own = google.settings();
        let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(settings);
        (Self::with(database, &all).await, google)
    }

    pub async fn google_login(&self, input: Value) -> Value {
        self.google_login_as("", input).await
    }

    pub async fn google_login_as(&self, access_token: &str, input: Value) -> Value {
        let query = format!(
            "mutation($input: GoogleLoginInput!) {{ googleLogin(input: $input) {{ {SIGN_IN} {SECOND_FACTOR}
                ... on EmailChallenge {{ id email purpose }}
                ... on AuthPayload {{ emailChallenge {{ id }}
                    me: user {{ emailVerified hasPassword avatarUrl identities {{ provider email }} }} }} }} }}"
        );
        let variables = json!({ "input": input });
        let answer = if access_token.is_empty() {
            self.run(&query, variables).await
        } else {
            self.run_as(access_token, &query, variables).await
        };
        answer.data("googleLogin")
    }

    pub async fn start_provider_login(&self, redirect_uri: Option<&str>) -> Value {
        let query = "mutation($uri: String) { startProviderLogin(provider: \"google\", redirectUri: $uri) { __typename
            ... on ProviderAuthorization { authorizationUrl state codeVerifier expiresIn }
            ... on UserError { code retryAfter fields { field code } } } }";
        self.run(query, json!({ "uri": redirect_uri })).await.data("startProviderLogin")
    }

    /// Starts a sign-in and approves it at the fake Google as the person with this number.
    pub async fn visit_google(&self, person: usize) -> Visit {
        let begun = self.start_provider_login(None).await;
        let text = |name: &str| begun[name].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        let url = reqwest::Url::parse(&text("authorizationUrl")).unwrap();
        let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        form.push(("person".to_owned(), person.to_string()));
        let body = serde_urlencoded::to_string(form).unwrap();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let allowed = http.build().unwrap().post(url.join("/authorize").unwrap()).body(body);
        let allowed =
            allowed.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        let back = reqwest::Url::parse(allowed.headers()["location"].to_str().unwrap()).unwrap();
        let query = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        Visit { code: query("code"), state: query("state"), code_verifier: text("codeVerifier") }
    }

    pub async fn link_identity(&self, access_token: &str, input: Value) -> Value {
        let query = "mutation($input: ProviderLoginInput!) { linkIdentity(input: $input) { __typename
            ... on User { id identities { provider email } } ... on UserError { code } } }";
        let input = json!({ "provider": "google", "proof": input });
        self.run_as(access_token, query, json!({ "input": input })).await.data("linkIdentity")
    }

    /// Unlinks every identity of a user, one after the other, and returns the last response.
    pub async fn unlink_identities(&self, access_token: &str) -> Value {
        let me = self.run_as(access_token, "{ me { identities { id } } }", json!({})).await.data("me");
        let mut answer = Value::Null;
        for identity in me["identities"].as_array().unwrap() {
            answer = self.unlink_identity(access_token, identity["id"].as_str().unwrap()).await;
        }
        answer
    }

    pub async fn unlink_identity(&self, access_token: &str, id: &str) -> Value {
        let query = "mutation($id: ID!) { unlinkIdentity(id: $id) { __typename
            ... on User { id identities { provider } } ... on UserError { code } } }";
        self.run_as(access_token, query, json!({ "id": id })).await.data("unlinkIdentity")
    }
}

/// The ways in which a server can misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Hangs,
    Fails,
    /// Sends a gigabyte.
    Floods,
    /// Sends one byte a second.
    Drips,
    Babbles,
    /// Responds correctly, but a second late.
    Dawdles,
    /// Redirects to an address that is reachable only from the network of the server.
    Redirects,
}

/// A Google with one endpoint that misbehaves.
pub struct FaultyGoogle {
    pub settings: Vec<(&'static str, String)>,
    /// The number of bytes sent so far.
    pub sent: Arc<AtomicUsize>,
}

impl FaultyGoogle {
    pub async fn start(endpoint: &'static str, wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicUsize::new(0));
        let (issuer, counted) = (url.clone(), sent.clone());
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, issuer.clone(), endpoint, wrong, counted.clone()));
            }
        });
        let settings = vec![
            ("GOOGLE_CLIENT_ID", "client".to_owned()),
            ("GOOGLE_CLIENT_SECRET", "secret".to_owned()),
            ("GOOGLE_DISCOVERY_URL", format!("{url}/.well-known/openid-configuration")),
            ("GOOGLE_TOKENINFO_URL", format!("{url}/tokeninfo")),
        ];
        Self { settings, sent }
    }
}

async fn serve(
    mut socket: TcpStream,
    issuer: String,
    endpoint: &'static str,
    wrong: Wrong,
    sent: Arc<AtomicUsize>,
) {
    let mut request = vec![0; 16 * 1024];
    let read = socket.read(&mut request).await.unwrap_or_default();
    let head = String::from_utf8_lossy(&request[..read]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let good = |body: Value| {
        let body = body.to_string();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    let answer = match path.as_str() {
        path if path == endpoint => match wrong {
            Wrong::Hangs => return std::future::pending().await,
            Wrong::Fails => "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\nconnection: close\r\n\r\noops".to_owned(),
            Wrong::Babbles => "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n{\"a\"".to_owned(),
            Wrong::Redirects => {
                "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            Wrong::Dawdles => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                good(json!({ "sub": "1", "email": "ada@gmail.com", "email_verified": true }))
            }
            Wrong::Drips => {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
                while socket.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
                return;
            }
            Wrong::Floods => {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await;
                while socket.write_all(&[b' '; 8 * 1024]).await.is_ok() {
                    sent.fetch_add(8 * 1024, Ordering::Relaxed);
                }
                return;
            }
        },
        "/.well-known/openid-configuration" => good(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/certs"),
        })),
        "/tokeninfo" => good(json!({ "aud": "client", "azp": "client", "sub": "1", "scope": "openid email" })),
        other => panic!("unexpected request for {other}"),
    };
    let _ = socket.write_all(answer.as_bytes()).await;
}
