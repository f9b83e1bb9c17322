//! A person with an account, a session and a connection.

use std::net::SocketAddr;

use gatehouse::secrets;
use serde_json::{Value, json};

use crate::connection::Connection;

pub(crate) const PASSWORD: &str = "correct horse battery";

const SIGN_UP: &str = "mutation($input: SignupInput!) { signup(input: $input) { ...tokens } }";
const LOG_IN: &str = "mutation($input: LoginInput!) { login(input: $input) { ...tokens } }";
const REFRESH: &str = "mutation($token: String!) { refresh(refreshToken: $token) { ...tokens } }";
const TOKENS: &str = "fragment tokens on AuthPayload { accessToken refreshToken }";

pub(crate) struct Person {
    connection: Connection,
    email: String,
    access_token: String,
    refresh_token: String,
}

impl Person {
    /// Signs up for a new account.
    pub(crate) async fn sign_up(address: SocketAddr) -> Self {
        let connection = Connection::open(address).await.unwrap();
        let email = format!("{:x}@example.org", u128::from_be_bytes(secrets::random()));
        let mut person =
            Self { connection, email, access_token: String::new(), refresh_token: String::new() };
        let input = json!({ "email": person.email, "password": PASSWORD });
        person.sign_in("signup", SIGN_UP, &json!({ "input": input })).await;
        person
    }

    /// Signs in to an existing account.
    pub(crate) async fn sign_in_to(address: SocketAddr, email: &str) -> Self {
        let connection = Connection::open(address).await.unwrap();
        let mut person = Self {
            connection,
            email: email.to_owned(),
            access_token: String::new(),
            refresh_token: String::new(),
        };
        person.login().await;
        person
    }

    /// Sends a request as this person.
    pub(crate) async fn ask(&mut self, query: &str, variables: &Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        self.connection.post(&self.access_token, &body).await.unwrap()
    }

    /// Reconnects, because the server closes connections that have been idle for long.
    pub(crate) async fn connect(&mut self) {
        self.connection = self.connection.again().await.unwrap();
    }

    pub(crate) async fn me(&mut self) {
        let body = json!({ "query": "{ me { id email } }" });
        let answer = self.connection.post(&self.access_token, &body).await.unwrap();
        assert_eq!(answer["data"]["me"]["email"], *self.email, "{answer}");
    }

    /// Opens another connection of this person, for requesting `me`.
    pub(crate) async fn asker(&self, address: SocketAddr) -> Asker {
        Asker::new(address, &self.access_token, &self.email).await
    }

    /// Signs up for another account on the same connection.
    pub(crate) async fn sign_up_again(&mut self) {
        let email = format!("{:x}@example.org", u128::from_be_bytes(secrets::random()));
        let input = json!({ "email": email, "password": PASSWORD });
        let body = json!({ "query": format!("{SIGN_UP} {TOKENS}"), "variables": { "input": input } });
        let answer = self.connection.post("", &body).await.unwrap();
        assert!(answer["data"]["signup"]["accessToken"].is_string(), "{answer}");
    }

    /// Refreshes with the newest refresh token.
    pub(crate) async fn refresh(&mut self) {
        let variables = json!({ "token": self.refresh_token });
        self.sign_in("refresh", REFRESH, &variables).await;
    }

    pub(crate) async fn login(&mut self) {
        let input = json!({ "identifier": self.email, "password": PASSWORD });
        self.sign_in("login", LOG_IN, &json!({ "input": input })).await;
    }

    async fn sign_in(&mut self, field: &str, operation: &str, variables: &Value) {
        let body = format!(r#"{{"query":"{operation} {TOKENS}","variables":{variables}}}"#);
        let answer = self.connection.post_text("", &body).await.unwrap();
        // not parsed as JSON, because the client shares the machine with the server
        let token = |name: &str| {
            let found = str::from_utf8(answer).unwrap().split_once(&format!(r#""{name}":""#));
            match found.and_then(|(_, from)| from.split_once('"')) {
                Some((token, _)) => token.to_owned(),
                None => panic!("{field}: no {name}: {}", String::from_utf8_lossy(answer)),
            }
        };
        (self.access_token, self.refresh_token) = (token("accessToken"), token("refreshToken"));
    }
}

/// A connection that requests `me` with one token. The request is prepared once, because the client shares the machine
/// with the server.
pub(crate) struct Asker {
    connection: Connection,
    request: Vec<u8>,
    email: String,
}

impl Asker {
    pub(crate) async fn new(address: SocketAddr, access_token: &str, email: &str) -> Self {
        let body = r#"{"query":"{ me { id email } }"}"#;
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {access_token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let connection = Connection::open(address).await.unwrap();
        Self { connection, request: request.into_bytes(), email: email.to_owned() }
    }

    pub(crate) async fn me(&mut self) {
        self.connection.send(&self.request, &self.email).await.unwrap();
    }
}
