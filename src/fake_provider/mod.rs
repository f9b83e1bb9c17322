//! Stand-ins for sign-in providers, for development and tests. Each is an HTTP server on this machine that has the
//! endpoints of Google, Microsoft, Apple, GitHub or a generic OpenID Connect provider, and makes real signatures.
//! `gatehouse dev --fake-providers` starts them. Release builds do not contain them.

mod apple;
mod github;
mod key;
mod pages;
mod person;
mod token;

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use poem::{EndpointExt, Route, Server, get, handler, listener::TcpAcceptor, post, web::Data};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{clock::Clock, config::ProviderKind, secrets};
use apple::AppleKey;
use key::Key;

/// The client ID that the stand-ins accept.
pub const CLIENT_ID: &str = "gatehouse.apps.fake-google.example";
const CLIENT_SECRET: &str = "not-a-secret";
/// Microsoft's tenant for personal accounts.
pub const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A running stand-in for a sign-in provider. Clones refer to the same stand-in.
#[derive(Clone)]
pub struct FakeProvider(Arc<State>);

struct State {
    kind: ProviderKind,
    base: String,
    clock: Clock,
    keys: Mutex<Vec<Key>>,
    /// The issuer whose tokens Microsoft's keys may sign.
    key_issuer: Mutex<String>,
    apple_key: AppleKey,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Token>>,
    /// The people whose names have been sent.
    named: Mutex<HashSet<String>>,
    requests: Mutex<HashMap<String, u32>>,
}

/// A person's consent, which a client exchanges for tokens.
struct Grant {
    person: Value,
    redirect_uri: String,
    code_challenge: String,
    /// The nonce of the authorization request. Empty if the request has none.
    nonce: String,
}

/// The responses of the tokeninfo and userinfo endpoints to an access token.
struct Token {
    tokeninfo: Value,
    userinfo: Value,
}

impl FakeProvider {
    /// All kinds of providers.
    pub const ALL: [ProviderKind; 5] = [
        ProviderKind::Google,
        ProviderKind::Microsoft,
        ProviderKind::Apple,
        ProviderKind::GitHub,
        ProviderKind::Oidc,
    ];

    /// Starts the server on a free port. It runs for as long as the process does.
    pub async fn start(kind: ProviderKind, clock: &Clock) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let state = State {
            kind,
            key_issuer: Mutex::new(format!("{base}/{{tenantid}}/v2.0")),
            base,
            clock: clock.clone(),
            keys: Mutex::new(vec![Key::generate(kind)?]),
            apple_key: AppleKey::generate()?,
            codes: Mutex::default(),
            tokens: Mutex::default(),
            named: Mutex::default(),
            requests: Mutex::default(),
        };
        let fake = Self(Arc::new(state));
        let routes = Route::new()
            .at("/.well-known/openid-configuration", get(discovery))
            .at("/common/v2.0/.well-known/openid-configuration", get(discovery))
            .at("/authorize", get(pages::consent).post(pages::allow))
            .at("/login/oauth/authorize", get(pages::consent).post(pages::allow))
            .at("/token", post(token::trade))
            .at("/login/oauth/access_token", post(token::trade))
            .at("/tokeninfo", post(token::tokeninfo))
            .at("/userinfo", get(token::userinfo))
            .at("/api/user", get(github::user))
            .at("/api/user/emails", get(github::emails))
            .at("/certs", get(certs))
            .data(fake.clone());
        let counted = fake.clone();
        let routes = routes.before(move |request| {
            *lock(&counted.0.requests).entry(request.uri().path().to_owned()).or_default() += 1;
            async move { Ok(request) }
        });
        tokio::spawn(Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?).run(routes));
        Ok(fake)
    }

    /// Returns the settings that make Gatehouse use this stand-in.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let (base, id, secret) = (&self.0.base, CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
        let document = format!("{base}/.well-known/openid-configuration");
        match self.0.kind {
            ProviderKind::Google => vec![
                ("GOOGLE_CLIENT_ID", id),
                ("GOOGLE_CLIENT_SECRET", secret),
                ("GOOGLE_DISCOVERY_URL", document),
                ("GOOGLE_TOKENINFO_URL", format!("{base}/tokeninfo")),
            ],
            ProviderKind::Microsoft => vec![
                ("MICROSOFT_CLIENT_ID", id),
                ("MICROSOFT_CLIENT_SECRET", secret),
                ("MICROSOFT_DISCOVERY_URL", format!("{base}/common/v2.0/.well-known/openid-configuration")),
            ],
            ProviderKind::Apple => vec![
                ("APPLE_CLIENT_ID", id),
                ("APPLE_TEAM_ID", apple::TEAM_ID.to_owned()),
                ("APPLE_KEY_ID", apple::KEY_ID.to_owned()),
                ("APPLE_PRIVATE_KEY", self.0.apple_key.pem()),
                ("APPLE_DISCOVERY_URL", document),
            ],
            ProviderKind::GitHub => vec![
                ("GITHUB_CLIENT_ID", id),
                ("GITHUB_CLIENT_SECRET", secret),
                ("GITHUB_URL", base.clone()),
                ("GITHUB_API_URL", format!("{base}/api")),
            ],
            ProviderKind::Oidc => vec![
                ("OIDC_EXAMPLE_ISSUER", base.clone()),
                ("OIDC_EXAMPLE_CLIENT_ID", id),
                ("OIDC_EXAMPLE_CLIENT_SECRET", secret),
                ("OIDC_EXAMPLE_LABEL", "Example ID".to_owned()),
            ],
        }
    }

    /// Returns the ID of the provider in the API.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self.0.kind {
            ProviderKind::Google => "google",
            ProviderKind::Microsoft => "microsoft",
            ProviderKind::Apple => "apple",
            ProviderKind::GitHub => "github",
            ProviderKind::Oidc => "example",
        }
    }

    /// Returns the `iss` claim of this provider's tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        match self.0.kind {
            ProviderKind::Microsoft => format!("{}/{TENANT}/v2.0", self.0.base),
            _ => self.0.base.clone(),
        }
    }

    /// Returns an ID token with these claims, signed with the newest key.
    pub fn id_token(&self, claims: &Value) -> io::Result<String> {
        let keys = lock(&self.0.keys);
        let key = keys.last().ok_or_else(|| io::Error::other("there is no key"))?;
        key.sign(&json!({ "alg": key.algorithm(), "typ": "JWT", "kid": key.kid }), claims)
    }

    /// Returns an access token for which the endpoints respond with these claims.
    #[must_use]
    pub fn access_token(&self, tokeninfo: Value, userinfo: Value) -> String {
        let token = format!("ya29.{}", random());
        lock(&self.0.tokens).insert(token.clone(), Token { tokeninfo, userinfo });
        token
    }

    /// Replaces the signing key. From then on, only the new key is published.
    pub fn change_key(&self) -> io::Result<()> {
        *lock(&self.0.keys) = vec![Key::generate(self.0.kind)?];
        Ok(())
    }

    /// Replaces Microsoft's key with a key that may sign only tokens of this issuer.
    pub fn change_key_for(&self, issuer: &str) -> io::Result<()> {
        issuer.clone_into(&mut lock(&self.0.key_issuer));
        self.change_key()
    }

    /// Returns how often a path was requested.
    #[must_use]
    pub fn requests(&self, path: &str) -> u32 {
        lock(&self.0.requests).get(path).copied().unwrap_or_default()
    }
}

#[handler]
fn discovery(Data(fake): Data<&FakeProvider>) -> poem::Response {
    let State { base, kind, .. } = &*fake.0;
    let issuer = match kind {
        ProviderKind::Microsoft => format!("{base}/{{tenantid}}/v2.0"),
        _ => base.clone(),
    };
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "code_challenge_methods_supported": ["S256"],
    });
    if *kind == ProviderKind::Apple
        && let Some(document) = document.as_object_mut()
    {
        document.remove("userinfo_endpoint");
    }
    cacheable(&document)
}

#[handler]
fn certs(Data(fake): Data<&FakeProvider>) -> poem::Response {
    let mut keys: Vec<_> = lock(&fake.0.keys).iter().map(Key::jwk).collect();
    if fake.0.kind == ProviderKind::Microsoft {
        let issuer = lock(&fake.0.key_issuer).clone();
        for key in &mut keys {
            key["issuer"] = issuer.clone().into();
        }
    }
    cacheable(&json!({ "keys": keys }))
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
