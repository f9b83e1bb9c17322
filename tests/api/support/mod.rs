//! A Gatehouse server for each test: real HTTP, real databases, and a clock that the test can move.

pub mod challenges;
pub mod client;
pub mod database;
pub mod demo;
pub mod google;
pub mod mail_server;
pub mod node;
pub mod passkey_steps;
pub mod passkeys;
pub mod process;
pub mod providers;
pub mod python;
pub mod second_factors;
pub mod socket;
pub mod tabs;

use std::{collections::HashMap, sync::Arc, time::Duration};

use gatehouse::{
    app::App,
    config::{Config, Mode},
    http, peers,
    secrets::SecretKey,
};
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot};

pub use database::{Database, Postgres, Serializable, Sqlite};
use second_factors::SECOND_FACTOR;

pub const EMAIL: &str = "ada@example.org";
pub const PASSWORD: &str = "correct horse battery";

/// A setting with which a sign-up sends no email.
pub const NO_VERIFICATION: (&str, &str) = ("EMAIL_VERIFICATION", "none");

/// A setting with which the test acts as a trusted proxy and chooses each client's address.
pub const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

/// The fields of a sign-in that the tests select.
pub const SIGN_IN: &str = "
    __typename
    ... on AuthPayload {
        accessToken tokenType expiresIn refreshToken refreshExpiresIn
        user { id email username name role }
        session { id isCurrent }
    }
    ... on UserError { code message retryAfter fields { field code } }";

/// A server and a client for it.
pub struct TestApp {
    pub app: Arc<App>,
    pub url: String,
    pub http: reqwest::Client,
    pub settings: HashMap<String, String>,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl TestApp {
    /// Starts with default settings, except that hashes are cheap and emails are sent without delay.
    pub async fn start(database: Database) -> Self {
        Self::with(database, &[]).await
    }

    pub async fn with(database: Database, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = database.create(folder.path()).await;
        let mut all = HashMap::from([
            ("DATABASE_URL".to_owned(), url),
            ("DATABASE_MAX_CONNECTIONS".to_owned(), "8".to_owned()),
            ("SECRET_KEY".to_owned(), SecretKey::generate().1),
            ("ARGON2_MEMORY_KIB".to_owned(), "8".to_owned()),
            ("ARGON2_ITERATIONS".to_owned(), "1".to_owned()),
            ("HASH_QUEUE".to_owned(), "1000".to_owned()),
            ("MAIL_RATE".to_owned(), "1000/1s".to_owned()),
        ]);
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::serve(all, folder).await
    }

    /// Starts another server on the same database, with these settings changed.
    pub async fn another(&self, settings: &[(&str, &str)]) -> Self {
        let mut all = self.settings.clone();
        all.remove("PUBLIC_URL");
        all.insert("JWT_ISSUER".to_owned(), self.app.config.tokens.issuer.clone());
        all.insert("JWT_AUDIENCE".to_owned(), self.app.config.tokens.audience.clone());
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::serve(all, tempfile::tempdir().unwrap()).await
    }

    async fn serve(mut settings: HashMap<String, String>, folder: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        settings.entry("PUBLIC_URL".to_owned()).or_insert_with(|| url.clone());
        let config = Config::load(Mode::Dev, &settings.clone().into_iter().collect()).unwrap();
        let app = App::build(config).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = app.clone();
        tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            tokio::select! {
                served = http::serve(served.clone(), listener, http::Leaving::default(), stopped) => served.unwrap(),
                () = peers::run(&served) => {}
            }
        });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        Self { app, url, http, settings, _folder: folder, _stop: stop }
    }

    /// Moves the server's clock.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    pub fn post(&self) -> RequestBuilder {
        self.http.post(format!("{}/graphql", self.url))
    }

    /// Runs an operation anonymously.
    pub async fn run(&self, query: &str, variables: Value) -> Answer {
        Answer::of(self.post().json(&json!({ "query": query, "variables": variables }))).await
    }

    /// Runs an operation with an access token.
    pub async fn run_as(&self, access_token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        Answer::of(self.post().bearer_auth(access_token).json(&body)).await
    }

    pub async fn signup(&self, input: Value) -> Value {
        let query = format!("mutation($input: SignupInput!) {{ signup(input: $input) {{ {SIGN_IN} }} }}");
        self.run(&query, json!({ "input": input })).await.data("signup")
    }

    pub async fn login(&self, identifier: &str, password: &str) -> Value {
        let query = format!(
            "mutation($input: LoginInput!) {{ login(input: $input) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        let input = json!({ "identifier": identifier, "password": password });
        self.run(&query, json!({ "input": input })).await.data("login")
    }

    /// Signs in from another address. The test acts as the proxy, so `TRUSTED_PROXIES` must name it.
    pub async fn login_from(&self, address: &str, identifier: &str, password: &str) -> Value {
        let query = format!(
            "mutation($input: LoginInput!) {{ login(input: $input) {{ {SIGN_IN} {SECOND_FACTOR} }} }}"
        );
        let input = json!({ "identifier": identifier, "password": password });
        let body = json!({ "query": query, "variables": { "input": input } });
        Answer::of(self.post().header("x-forwarded-for", address).json(&body)).await.data("login")
    }

    pub async fn refresh(&self, refresh_token: &str) -> Value {
        let query = format!("mutation($token: String!) {{ refresh(refreshToken: $token) {{ {SIGN_IN} }} }}");
        self.run(&query, json!({ "token": refresh_token })).await.data("refresh")
    }

    /// Refreshes as a client with another address and user agent. The test acts as the proxy, so `TRUSTED_PROXIES` must
    /// name it.
    pub async fn refresh_from(&self, (address, agent): (&str, &str), refresh_token: &str) -> Value {
        let query = format!("mutation($token: String!) {{ refresh(refreshToken: $token) {{ {SIGN_IN} }} }}");
        let body = json!({ "query": query, "variables": { "token": refresh_token } });
        let request = self.post().header("x-forwarded-for", address).header("user-agent", agent);
        Answer::of(request.json(&body)).await.data("refresh")
    }

    /// Signs up a user and signs in.
    pub async fn sign_up(&self, email: &str) -> SignedIn {
        SignedIn::from(&self.signup(json!({ "email": email, "password": PASSWORD })).await)
    }

    /// Signs in once more.
    pub async fn sign_in(&self, email: &str) -> SignedIn {
        SignedIn::from(&self.login(email, PASSWORD).await)
    }

    /// Signs up a user with this role and signs in.
    pub async fn sign_up_as(&self, role: &str, email: &str) -> SignedIn {
        let person = self.sign_up(email).await;
        self.sql(&format!("UPDATE users SET role = '{role}' WHERE email = '{email}'")).await;
        person
    }

    /// Changes the database without the server's knowledge.
    pub async fn sql(&self, sql: &str) {
        let rows = database::connect(&self.settings["DATABASE_URL"]).await;
        rows.execute_unprepared(sql).await.unwrap();
        rows.close().await.unwrap();
    }

    /// Returns the user's email address, or the reason why `me` is refused.
    pub async fn me(&self, access_token: &str) -> String {
        let answer = self.run_as(access_token, "{ me { email } }", json!({})).await;
        match answer.body["errors"][0]["extensions"]["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => answer.data("me")["email"].as_str().unwrap().to_owned(),
        }
    }
}

/// The part of a sign-in that a client keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub access_token: String,
    pub refresh_token: String,
    pub session_id: String,
    pub user_id: String,
}

impl From<&Value> for SignedIn {
    fn from(payload: &Value) -> Self {
        assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            access_token: text(&payload["accessToken"]),
            refresh_token: text(&payload["refreshToken"]),
            session_id: text(&payload["session"]["id"]),
            user_id: text(&payload["user"]["id"]),
        }
    }
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, body }
    }

    /// Returns the value of a root field of a response without errors.
    pub fn data(&self, field: &str) -> Value {
        assert!(self.body.get("errors").is_none(), "{}", self.text);
        self.body["data"][field].clone()
    }

    /// Returns the code of the first error.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}
