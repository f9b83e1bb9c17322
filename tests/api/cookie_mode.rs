//! Cookie mode: scripts cannot read the refresh token, and pages of other sites cannot use it.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, SIGN_IN, SignedIn, Sqlite, TestApp, google::ada,
};

const NEW: &str = "battery horse correct";

/// A browser that shows a page of an allowed origin and stores one cookie.
pub(crate) struct Browser<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) asks: bool,
    pub(crate) origin: String,
    pub(crate) cookie: Option<String>,
    pub(crate) access_token: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self { app, asks: true, origin: app.url.clone(), cookie: None, access_token: String::new() }
    }

    pub(crate) fn request(&self, query: &str) -> RequestBuilder {
        let mut request = self.app.post().header("origin", &self.origin).json(&json!({ "query": query }));
        if self.asks {
            request = request.header("x-token-delivery", "cookie");
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("theme=dark; {cookie}; x=y"));
        }
        if !self.access_token.is_empty() {
            request = request.bearer_auth(&self.access_token);
        }
        request
    }

    pub(crate) async fn run(&mut self, query: &str) -> Value {
        let answer = Answer::of(self.request(query)).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        for set in answer.headers.get_all("set-cookie") {
            let (cookie, attributes) = set.to_str().unwrap().split_once("; ").unwrap();
            self.cookie = (!attributes.contains("Max-Age=0;")).then(|| cookie.to_owned());
        }
        assert!(answer.body.get("errors").is_none(), "{}", answer.text);
        let root = answer.body["data"].as_object().unwrap().values().next().unwrap().clone();
        if let Some(token) = root["accessToken"].as_str() {
            token.clone_into(&mut self.access_token);
        }
        root
    }

    pub(crate) async fn signup(&mut self, email: &str) -> Value {
        self.run(&format!(
            "mutation {{ signup(input: {{ email: \"{email}\", password: \"{PASSWORD}\" }}) {{ {SIGN_IN} }} }}"
        ))
        .await
    }

    pub(crate) async fn login(&mut self) -> Value {
        self.run(&login(PASSWORD)).await
    }

    pub(crate) async fn refresh(&mut self) -> Value {
        self.run(&format!("mutation {{ refresh {{ {SIGN_IN} }} }}")).await
    }

    pub(crate) fn token(&self) -> &str {
        self.cookie.as_ref().unwrap().split_once('=').unwrap().1
    }
}

pub(crate) fn login(password: &str) -> String {
    format!(
        "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{password}\" }}) {{ {SIGN_IN} }} }}"
    )
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_sign_in_puts_the_refresh_token_only_in_the_cookie(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let mut browser = Browser::new(&app);
    let verify = async |browser: &mut Browser<'_>| {
        let otp = app.code(EMAIL).await;
        browser
            .run(&format!(
                "mutation {{ verifyOtp(input: {{ email: \"{EMAIL}\", otp: \"{otp}\" }}) {{ {SIGN_IN} }} }}"
            ))
            .await
    };
    let port = app.url.rsplit(':').next().unwrap().to_owned();
    let mut payloads = vec![browser.signup(EMAIL).await];
    assert!(browser.cookie.as_ref().unwrap().starts_with(&format!("gatehouse-refresh-{port}=")));
    let signed_up = browser.token().to_owned();
    payloads.push(browser.refresh().await);
    assert_ne!(browser.token(), signed_up, "the token is rotated");
    payloads.push(browser.login().await);
    for payload in &payloads {
        assert_eq!(app.me(payload["accessToken"].as_str().unwrap()).await, EMAIL);
    }
    browser.access_token.clear();
    browser.cookie = None;
    // verification by email alone ends the earlier sessions
    payloads.push(verify(&mut browser).await);
    assert_eq!(app.me(payloads[3]["accessToken"].as_str().unwrap()).await, EMAIL);
    for payload in &payloads {
        assert_eq!(payload["__typename"], "AuthPayload", "{payload}");
        assert_eq!((&payload["refreshToken"], &payload["refreshExpiresIn"]), (&Value::Null, &json!(86400)));
    }
    let links = app.another(&[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    links.register("grace@example.org", PASSWORD).await;
    let mut browser = Browser::new(&links);
    let token = links.token("grace@example.org").await;
    let activated =
        browser.run(&format!("mutation {{ activateAccount(token: \"{token}\") {{ {SIGN_IN} }} }}")).await;
    assert_eq!(activated["refreshToken"], Value::Null);
    assert!(browser.cookie.is_some());

    let (app, google) = TestApp::with_google(database, &[]).await;
    let mut browser = Browser::new(&app);
    let token = google.id_token(&google.claims(&ada())).unwrap();
    let login = format!(
        "mutation {{ googleLogin(input: {{ idToken: {{ idToken: \"{token}\" }} }}) {{ {SIGN_IN} }} }}"
    );
    let signed_in = browser.run(&login).await;
    assert_eq!((&signed_in["__typename"], &signed_in["refreshToken"]), (&json!("AuthPayload"), &Value::Null));
    assert!(browser.cookie.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_has_every_restriction_that_browsers_support() {
    for (public_url, expected) in [
        (
            "https://accounts.example.org",
            "__Host-gatehouse-refresh={token}; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            "http://localhost:8123",
            "gatehouse-refresh-8123={token}; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict",
        ),
    ] {
        let app = TestApp::with(Sqlite, &[("PUBLIC_URL", public_url)]).await;
        app.sign_up(EMAIL).await;
        let mut browser = Browser::new(&app);
        browser.origin = public_url.to_owned();
        let answer = Answer::of(browser.request(&login(PASSWORD))).await;
        let cookie = answer.header("set-cookie").to_owned();
        let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        assert_eq!(cookie, expected.replace("{token}", &token));
        assert!(!answer.text.contains(&token), "the body does not contain the token");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
        assert!(app.app.tokens.read_refresh_token(&token).is_some());
        // the cookie does not replace the access token
        browser.cookie = Some(cookie.split("; ").next().unwrap().to_owned());
        let access_token = answer.data("login")["accessToken"].as_str().unwrap().to_owned();
        assert!(!cookie.contains(&access_token));
        assert_eq!(Answer::of(browser.request("{ me { id } }")).await.code(), "UNAUTHENTICATED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_the_cookie_never_appears_in_a_response() {
    let app = TestApp::start(Sqlite).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let before = browser.token().to_owned();
    // a script leaves the header out
    browser.asks = false;
    assert_eq!(browser.refresh().await["refreshToken"], Value::Null);
    assert_ne!(browser.token(), before);
    let otp = app.code(EMAIL).await;
    let verify =
        format!("mutation {{ verifyOtp(input: {{ email: \"{EMAIL}\", otp: \"{otp}\" }}) {{ {SIGN_IN} }} }}");
    let verified = browser.run(&verify).await;
    assert_eq!((&verified["__typename"], &verified["refreshToken"]), (&json!("AuthPayload"), &Value::Null));

    // a new session without the header leaves the cookie unchanged; with it, a refresh moves a token into the cookie
    let kept = browser.cookie.clone();
    let other = SignedIn::from(&browser.login().await);
    assert_eq!(browser.cookie, kept);
    browser.asks = true;
    let moved = browser
        .run(&format!("mutation {{ refresh(refreshToken: \"{}\") {{ {SIGN_IN} }} }}", other.refresh_token))
        .await;
    assert_eq!((&moved["session"]["id"], &moved["refreshToken"]), (&json!(other.session_id), &Value::Null));
    assert_ne!(browser.cookie, kept);
    let answer = Answer::of(browser.request("{ __typename }").header("x-token-delivery", "cooky")).await;
    assert_eq!(answer.status, StatusCode::OK, "the first of the two headers counts");
    let answer = Answer::of(
        app.post().header("x-token-delivery", "cooky").json(&json!({ "query": "{ __typename }" })),
    )
    .await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_removed_with_its_session(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", "none")]).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let revoke = |id: &Value| format!("mutation {{ revokeSession(id: {id}) {{ endedSessionIds }} }}");
    let elsewhere = app.sign_in(EMAIL).await;
    assert_eq!(
        browser.run(&revoke(&json!(elsewhere.session_id))).await["endedSessionIds"],
        json!([elsewhere.session_id])
    );
    assert!(browser.cookie.is_some(), "ending another session leaves the cookie");
    for end in ["logout", "logoutAll", "revokeSession"] {
        let id = browser.login().await["session"]["id"].clone();
        if end == "logout" {
            browser.access_token.clear();
        }
        let mutation = match end {
            "revokeSession" => revoke(&id),
            end => format!("mutation {{ {end} {{ endedSessionIds }} }}"),
        };
        let ended = browser.run(&mutation).await["endedSessionIds"].clone();
        assert!(ended.as_array().unwrap().contains(&id), "{end}: {ended}");
        assert_eq!(browser.cookie, None, "{end}");
    }

    // the password is changed in a session other than the cookie's
    browser.login().await;
    let other = app.sign_in(EMAIL).await;
    browser.access_token.clone_from(&other.access_token);
    let change = format!(
        "mutation {{ changePassword(input: {{ currentPassword: \"{PASSWORD}\", newPassword: \"{NEW}\" }}) {{ __typename }} }}"
    );
    assert_eq!(browser.run(&change).await["__typename"], "PasswordChanged");
    assert_eq!(browser.cookie, None);

    // and in the cookie's own session
    browser.run(&login(NEW)).await;
    let kept = browser.cookie.clone();
    let back = format!(
        "mutation {{ changePassword(input: {{ currentPassword: \"{NEW}\", newPassword: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    assert_eq!(browser.run(&back).await["__typename"], "PasswordChanged");
    assert_eq!(browser.cookie, kept);
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    let reset = format!(
        "mutation {{ resetPassword(input: {{ token: \"{token}\", newPassword: \"{NEW}\" }}) {{ __typename }} }}"
    );
    assert_eq!(browser.run(&reset).await["__typename"], "PasswordChanged");
    assert_eq!(browser.cookie, None);

    // a replayed token counts as stolen, so its cookie is removed
    browser.access_token.clear();
    browser.run(&login(NEW)).await;
    let stolen = browser.cookie.clone();
    let next = browser.refresh().await;
    app.me(next["accessToken"].as_str().unwrap()).await;
    app.advance(Duration::from_secs(31));
    browser.cookie = stolen;
    assert_eq!(browser.refresh().await["code"], "INVALID_TOKEN");
    assert_eq!(browser.cookie, None);
    assert_eq!(browser.refresh().await["fields"][0]["code"], "REQUIRED");
    assert_eq!(browser.run("mutation { logout { endedSessionIds } }").await["endedSessionIds"], json!([]));
}

#[rstest]
#[case("", None)]
#[case("storage, cache", Some("\"storage\", \"cache\""))]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_clears_what_the_operator_chose(#[case] kinds: &str, #[case] header: Option<&str>) {
    let app = TestApp::with(Sqlite, &[("CLEAR_SITE_DATA", kinds)]).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let kept = Answer::of(browser.request(&login(PASSWORD))).await;
    assert!(kept.headers.get("clear-site-data").is_none(), "a sign-in clears nothing");
    let gone = Answer::of(browser.request("mutation { logout { endedSessionIds } }")).await;
    assert_eq!(gone.headers.get("clear-site-data").map(|kinds| kinds.to_str().unwrap()), header);
}
