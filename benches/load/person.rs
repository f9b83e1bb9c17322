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
    /// A new account.
    pub(crate) async fn sign_up(address: SocketAddr) -> Self {
        let connection = Connection::open(address).await.unwrap();
        let email = format!("{:x}@example.org", u128::from_be_bytes(secrets::random()));
        let mut person =
            Self { connection, email, access_token: String::new(), refresh_token: String::new() };
        let input = json!({ "email": person.email, "password": PASSWORD });
        person.sign_in("signup", SIGN_UP, &json!({ "input": input })).await;
        person
    }

    /// Connects anew: the server closes what was idle for long.
    pub(crate) async fn connect(&mut self) {
        self.connection = self.connection.again().await.unwrap();
    }

    pub(crate) async fn me(&mut self) {
        let body = json!({ "query": "{ me { id email } }" });
        let answer = self.connection.post(&self.access_token, &body).await.unwrap();
        assert_eq!(answer["data"]["me"]["email"], *self.email, "{answer}");
    }

    /// Presents the newest refresh token.
    pub(crate) async fn refresh(&mut self) {
        let variables = json!({ "token": self.refresh_token });
        self.sign_in("refresh", REFRESH, &variables).await;
    }

    pub(crate) async fn login(&mut self) {
        let input = json!({ "identifier": self.email, "password": PASSWORD });
        self.sign_in("login", LOG_IN, &json!({ "input": input })).await;
    }

    async fn sign_in(&mut self, field: &str, operation: &str, variables: &Value) {
        let body = json!({ "query": format!("{operation} {TOKENS}"), "variables": variables });
        let answer = self.connection.post("", &body).await.unwrap();
        let token = |name: &str| match answer["data"][field][name].as_str() {
            Some(token) => token.to_owned(),
            None => panic!("no {name}: {answer}"),
        };
        (self.access_token, self.refresh_token) = (token("accessToken"), token("refreshToken"));
    }
}
