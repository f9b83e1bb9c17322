//! Cookie mode: refresh tokens that no script can read, and no page of another site can use.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, header::HeaderValue};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, SIGN_IN, SignedIn, Sqlite, TestApp, google::ada,
    node::in_browser, process::free_port,
};

const NEW: &str = "battery horse correct";

/// A browser at a page of an allowed origin, with a jar for one cookie.
struct Browser<'a> {
    app: &'a TestApp,
    asks: bool,
    origin: String,
    cookie: Option<String>,
    access_token: String,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp) -> Self {
        Self { app, asks: true, origin: app.url.clone(), cookie: None, access_token: String::new() }
    }

    fn request(&self, query: &str) -> RequestBuilder {
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

    async fn run(&mut self, query: &str) -> Value {
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

    async fn signup(&mut self, email: &str) -> Value {
        self.run(&format!(
            "mutation {{ signup(input: {{ email: \"{email}\", password: \"{PASSWORD}\" }}) {{ {SIGN_IN} }} }}"
        ))
        .await
    }

    async fn login(&mut self) -> Value {
        self.run(&login(PASSWORD)).await
    }

    async fn refresh(&mut self) -> Value {
        self.run(&format!("mutation {{ refresh {{ {SIGN_IN} }} }}")).await
    }

    fn token(&self) -> &str {
        self.cookie.as_ref().unwrap().split_once('=').unwrap().1
    }
}

fn login(password: &str) -> String {
    format!(
        "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{password}\" }}) {{ {SIGN_IN} }} }}"
    )
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_signs_in_puts_the_refresh_token_into_the_cookie_alone(
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
    assert_ne!(browser.token(), signed_up, "it is rotated");
    payloads.push(browser.login().await);
    for payload in &payloads {
        assert_eq!(app.me(payload["accessToken"].as_str().unwrap()).await, EMAIL);
    }
    browser.access_token.clear();
    browser.cookie = None;
    // by the mail alone it ends the sessions from before
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
async fn the_cookie_is_as_tight_as_a_browser_knows() {
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
        assert!(!answer.text.contains(&token), "the body does not have it");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
        assert!(app.app.tokens.read_refresh_token(&token).is_some());
        // the access token is no cookie
        browser.cookie = Some(cookie.split("; ").next().unwrap().to_owned());
        let access_token = answer.data("login")["accessToken"].as_str().unwrap().to_owned();
        assert!(!cookie.contains(&access_token));
        assert_eq!(Answer::of(browser.request("{ me { id } }")).await.code(), "UNAUTHENTICATED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_by_the_cookie_never_goes_into_a_document() {
    let app = TestApp::start(Sqlite).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let before = browser.token().to_owned();
    // a script that leaves the header out
    browser.asks = false;
    assert_eq!(browser.refresh().await["refreshToken"], Value::Null);
    assert_ne!(browser.token(), before);
    let otp = app.code(EMAIL).await;
    let verify =
        format!("mutation {{ verifyOtp(input: {{ email: \"{EMAIL}\", otp: \"{otp}\" }}) {{ {SIGN_IN} }} }}");
    let verified = browser.run(&verify).await;
    assert_eq!((&verified["__typename"], &verified["refreshToken"]), (&json!("AuthPayload"), &Value::Null));

    // another session is as the header says, and leaves the cookie alone; a token in hand moves into the cookie
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
async fn the_cookie_goes_with_its_session(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", "none")]).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let revoke = |id: &Value| format!("mutation {{ revokeSession(id: {id}) {{ endedSessionIds }} }}");
    let elsewhere = app.sign_in(EMAIL).await;
    assert_eq!(
        browser.run(&revoke(&json!(elsewhere.session_id))).await["endedSessionIds"],
        json!([elsewhere.session_id])
    );
    assert!(browser.cookie.is_some(), "another's end leaves it");
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

    // a signed-in person changes the password by a session that is not the cookie's
    browser.login().await;
    let other = app.sign_in(EMAIL).await;
    browser.access_token.clone_from(&other.access_token);
    let change = format!(
        "mutation {{ changePassword(input: {{ currentPassword: \"{PASSWORD}\", newPassword: \"{NEW}\" }}) {{ __typename }} }}"
    );
    assert_eq!(browser.run(&change).await["__typename"], "PasswordChanged");
    assert_eq!(browser.cookie, None);

    // and by the cookie's own
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

    // a replay: the token is a stolen one, and gone
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

/// Cookies of sibling sites come along, and hold anything.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_other_cookie_keeps_the_servers_own_from_being_found(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let name = browser.cookie.as_ref().unwrap().split_once('=').unwrap().0.to_owned();
    let refresh = format!("mutation {{ refresh {{ {SIGN_IN} }} }}");
    for (before, after) in [
        (&b"theme=d\xfcster; "[..], &b""[..]),
        ("name=Ærøskøbing; ".as_bytes(), "; 名前=値".as_bytes()),
        (b"a=\xff\xfe;b=\x80;", b" ; =;;"),
        (b"x=\"y\"; flag; ", b"; z"),
    ] {
        let own = browser.cookie.clone().unwrap();
        let cookies = [before, own.as_bytes(), after].concat();
        let request = app.post().header("origin", &app.url).header("x-token-delivery", "cookie");
        let cookies = HeaderValue::from_bytes(&cookies).unwrap();
        let answer = Answer::of(request.header("cookie", cookies).json(&json!({ "query": refresh }))).await;
        assert_eq!(answer.data("refresh")["__typename"], "AuthPayload", "{}", answer.text);
        let set = answer.header("set-cookie").split_once("; ").unwrap().0.to_owned();
        assert_ne!(set, own, "it is rotated");
        browser.cookie = Some(set);
    }
    // one of our own name that is none of ours is no token, nor hides the one that is
    let own = browser.cookie.clone().unwrap();
    for (cookies, typename) in [
        ([format!("{name}=").as_bytes(), b"\xe9"].concat(), "UserError"),
        ([format!("{name}=").as_bytes(), b"\xe9; ", own.as_bytes()].concat(), "AuthPayload"),
    ] {
        let request = app.post().header("origin", &app.url).header("x-token-delivery", "cookie");
        let cookies = HeaderValue::from_bytes(&cookies).unwrap();
        let answer = Answer::of(request.header("cookie", cookies).json(&json!({ "query": refresh }))).await;
        assert_eq!(answer.data("refresh")["__typename"], typename, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_allowed_origins_of_this_site() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", "https://app.example.org")]).await;
    let mut browser = Browser::new(&app);
    browser.signup(EMAIL).await;
    let cookie = browser.cookie.clone().unwrap();
    for (origin, site, is_good) in [
        (Some("https://app.example.org"), Some("same-site"), true),
        (Some(app.url.as_str()), Some("same-origin"), true),
        (Some("http://localhost:5173"), None, true),
        (Some("https://app.example.org"), Some("cross-site"), false),
        (Some("https://app.example.org"), Some("none"), false),
        (Some("https://evil.example"), Some("same-site"), false),
        (Some("null"), None, false),
        (None, Some("same-origin"), false),
        (None, None, false),
    ] {
        let send = |query: &str, asks: bool| {
            let mut request = app.post().header("cookie", &cookie).json(&json!({ "query": query }));
            for (name, value) in
                [("origin", origin), ("sec-fetch-site", site), ("x-token-delivery", asks.then_some("cookie"))]
            {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            Answer::of(request)
        };
        let told = format!("{origin:?} {site:?}");
        for query in [login(PASSWORD), format!("mutation {{ refresh {{ {SIGN_IN} }} }}")] {
            let asked = send(&query, true).await;
            assert_eq!(asked.headers.contains_key("set-cookie"), is_good, "{told}");
            if !is_good {
                assert_eq!((asked.status, asked.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"), "{told}");
            }
        }
        // without the header the cookie counts as little
        let refreshed = send(&format!("mutation {{ refresh {{ {SIGN_IN} }} }}"), false).await;
        assert_eq!(refreshed.headers.contains_key("set-cookie"), is_good, "{told}");
        assert!(!refreshed.text.contains("\"refreshToken\":\""), "{told}");
        if !is_good {
            let ended = send("mutation { logout { endedSessionIds } }", false).await;
            assert!(!ended.headers.contains_key("set-cookie"), "{told}");
            assert!(!ended.text.contains("endedSessionIds\":[\""), "{told}");
        }
    }
    let get =
        app.http.get(format!("{}/graphql", app.url)).header("cookie", &cookie).header("origin", &app.url);
    let query = "mutation { logout { endedSessionIds } }";
    assert_eq!(Answer::of(get.query(&[("query", query)])).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(browser.refresh().await["accessToken"].is_string(), "nobody has ended the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_another_name_of_this_machine_is_told_where_to_go() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", "https://app.example.com")]).await;
    for (origin, host, told) in [
        (
            "http://localhost:5173",
            "127.0.0.1:8000",
            "Open the page at http://127.0.0.1:5173, or make it call http://localhost:8000/graphql.",
        ),
        (
            "http://127.0.0.1:5173",
            "localhost:8000",
            "Open the page at http://localhost:5173, or make it call http://127.0.0.1:8000/graphql.",
        ),
        (
            "http://[::1]:3000",
            "localhost",
            "Open the page at http://localhost:3000, or make it call http://[::1]/graphql.",
        ),
        ("https://localhost:5173", "localhost:8000", "Use the same domain and scheme for both."),
        ("https://app.example.com", "127.0.0.1:8000", "Use the same domain and scheme for both."),
        ("https://evil.example", "127.0.0.1:8000", "ALLOWED_ORIGINS"),
    ] {
        let request = app.post().header("origin", origin).header("host", host);
        let request = request.header("sec-fetch-site", "cross-site").header("x-token-delivery", "cookie");
        let refused = Answer::of(request.json(&json!({ "query": login(PASSWORD) }))).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "FORBIDDEN"), "{origin} {host}");
        assert!(refused.text.contains(told), "{origin} {host}: {}", refused.text);
        assert_eq!(
            refused.text.contains("as different sites"),
            !told.contains("ORIGINS"),
            "{}",
            refused.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_can_do_nothing_with_it() {
    let pages = free_port();
    let origins = format!("http://app.site.example:{pages},http://allowed.example:{pages}");
    let settings = [("PUBLIC_URL", "http://accounts.site.example"), ("ALLOWED_ORIGINS", origins.as_str())];
    let app = TestApp::with(Sqlite, &settings).await;
    app.sign_up("mallory@example.org").await;
    let port = app.url.rsplit(':').next().unwrap();
    let seen = in_browser("cross_site.mjs", &[port, &pages]);

    let (own, id) = (&seen["app"], &seen["app"]["signedUp"]["session"]["id"]);
    assert!(id.is_string() && own["signedUp"]["refreshToken"].is_null(), "{own}");
    assert_eq!(seen["cookie"], json!({ "isThere": true, "isSame": true }), "{seen}");
    for payload in [&own["refreshed"], &own["last"]] {
        assert_eq!((&payload["session"]["id"], &payload["refreshToken"]), (id, &Value::Null), "{own}");
    }
    assert_eq!((&own["ended"]["endedSessionIds"], &own["left"]), (&json!([id]), &json!(0)));
    assert_eq!((&own["scripts"], &own["socket"]), (&json!(""), &json!("closed: 4403 MISSING")));

    let attempts = seen["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3 * (3 * 12 + 1));
    for attempt in attempts {
        let got = match (attempt[0].as_str().unwrap(), attempt[1].as_str().unwrap()) {
            // it may open one, as it may call the API; but the cookie is worth nothing there
            ("allowed.example", "a WebSocket") => "closed: 4403 MISSING",
            (_, "a WebSocket") => "closed: 1006 ",
            // and it may sign in whom it can, but the cookie stays as it is
            ("allowed.example", name) if name.starts_with("steal by fetch, cors") => continue,
            _ => "nothing",
        };
        assert_eq!(attempt[2], got, "{attempt}");
    }
}
