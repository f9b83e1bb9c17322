//! A fake Google for development and tests: an HTTP server on this machine with Google's endpoints and real
//! signatures. `gatehouse dev --fake-google` starts it. Release builds do not contain it.

mod key;
mod pages;
mod token;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use poem::{EndpointExt, Route, Server, get, handler, listener::TcpAcceptor, post, web::Data};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{clock::Clock, secrets};
use key::Key;

/// The client ID that it accepts.
pub const CLIENT_ID: &str = "gatehouse.apps.fake-google.example";
const CLIENT_SECRET: &str = "not-a-secret";

/// A running fake Google. Clones share it.
#[derive(Clone)]
pub struct FakeGoogle(Arc<State>);

struct State {
    issuer: String,
    clock: Clock,
    keys: Mutex<Vec<Key>>,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Token>>,
    requests: Mutex<HashMap<String, u32>>,
}

/// A person's consent, which a client exchanges for tokens.
struct Grant {
    person: Value,
    redirect_uri: String,
    code_challenge: String,
}

/// The responses for an access token.
struct Token {
    tokeninfo: Value,
    userinfo: Value,
}

impl FakeGoogle {
    /// Starts the server on a free port, where it runs as long as the process.
    pub async fn start(clock: &Clock) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let state = State {
            issuer: format!("http://{}", listener.local_addr()?),
            clock: clock.clone(),
            keys: Mutex::new(vec![Key::generate()?]),
            codes: Mutex::default(),
            tokens: Mutex::default(),
            requests: Mutex::default(),
        };
        let google = Self(Arc::new(state));
        let routes = Route::new()
            .at("/.well-known/openid-configuration", get(discovery))
            .at("/authorize", get(pages::consent).post(pages::allow))
            .at("/token", post(token::trade))
            .at("/tokeninfo", post(token::tokeninfo))
            .at("/userinfo", get(token::userinfo))
            .at("/certs", get(certs))
            .data(google.clone());
        let counted = google.clone();
        let routes = routes.before(move |request| {
            *lock(&counted.0.requests).entry(request.uri().path().to_owned()).or_default() += 1;
            async move { Ok(request) }
        });
        tokio::spawn(Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?).run(routes));
        Ok(google)
    }

    /// Returns the settings that make Gatehouse use it as Google.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("GOOGLE_CLIENT_ID", CLIENT_ID.to_owned()),
            ("GOOGLE_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("GOOGLE_DISCOVERY_URL", format!("{}/.well-known/openid-configuration", self.0.issuer)),
            ("GOOGLE_TOKENINFO_URL", format!("{}/tokeninfo", self.0.issuer)),
        ]
    }

    /// Returns the `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Returns an ID token with these claims, signed with the newest key.
    pub fn id_token(&self, claims: &Value) -> io::Result<String> {
        let keys = lock(&self.0.keys);
        let key = keys.last().ok_or_else(|| io::Error::other("there is no key"))?;
        key.sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": key.kid }), claims)
    }

    /// Returns the claims of a person's ID token issued now.
    #[must_use]
    pub fn claims(&self, person: &Value) -> Value {
        let now = self.0.clock.now().unix_timestamp();
        let mut claims = json!({ "iss": self.0.issuer, "aud": CLIENT_ID, "azp": CLIENT_ID, "iat": now, "exp": now + 3600 });
        if let (Some(claims), Some(person)) = (claims.as_object_mut(), person.as_object()) {
            claims.extend(person.clone());
        }
        claims
    }

    /// Returns an access token for which the endpoints respond with these claims.
    #[must_use]
    pub fn access_token(&self, tokeninfo: Value, userinfo: Value) -> String {
        let token = format!("ya29.{}", random());
        lock(&self.0.tokens).insert(token.clone(), Token { tokeninfo, userinfo });
        token
    }

    /// Returns the response of the tokeninfo endpoint for a person's access token with the email scope.
    #[must_use]
    pub fn tokeninfo(person: &Value) -> Value {
        let scope = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile";
        // the endpoint writes numbers and booleans as strings
        json!({
            "azp": CLIENT_ID, "aud": CLIENT_ID, "sub": person["sub"], "scope": scope, "expires_in": "3599",
            "email": person["email"], "email_verified": person["email_verified"].to_string(),
        })
    }

    /// Replaces the key. Only the new one is published.
    pub fn change_key(&self) -> io::Result<()> {
        *lock(&self.0.keys) = vec![Key::generate()?];
        Ok(())
    }

    /// Returns how often a path was requested.
    #[must_use]
    pub fn requests(&self, path: &str) -> u32 {
        lock(&self.0.requests).get(path).copied().unwrap_or_default()
    }
}

#[handler]
fn discovery(Data(google): Data<&FakeGoogle>) -> poem::Response {
    let issuer = google.issuer();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "code_challenge_methods_supported": ["S256"],
    });
    cacheable(&document)
}

#[handler]
fn certs(Data(google): Data<&FakeGoogle>) -> poem::Response {
    cacheable(&json!({ "keys": lock(&google.0.keys).iter().map(Key::jwk).collect::<Vec<_>>() }))
}

fn cacheable(document: &Value) -> poem::Response {
    let answer = poem::Response::builder().header("cache-control", "public, max-age=3600");
    answer.content_type("application/json").body(document.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(secrets::random::<32>())
}
