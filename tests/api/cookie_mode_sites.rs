//! Cookie mode and other sites: which pages can use the cookie, and which cannot.

use reqwest::{StatusCode, header::HeaderValue};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    cookie_mode::{Browser, login},
    support::{
        Answer, Database, EMAIL, PASSWORD, Postgres, SIGN_IN, Sqlite, TestApp, node::in_browser,
        process::free_port,
    },
};

/// Browsers also send cookies that sibling sites have set, with any content.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_cookie_is_found_among_any_others(#[values(Sqlite, Postgres)] database: Database) {
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
        assert_ne!(set, own, "the token is rotated");
        browser.cookie = Some(set);
    }
    // a foreign cookie with the server's name is not accepted, and does not hide the server's own
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
async fn cookie_mode_is_for_allowed_origins_of_this_site() {
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
        // the same origins are allowed and refused without the header
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
    assert!(browser.refresh().await["accessToken"].is_string(), "the session was not ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_another_name_of_this_machine_gets_a_hint() {
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
async fn a_page_of_another_site_cannot_use_the_cookie() {
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
            // an allowed origin may open one, but the cookie does not authenticate it
            ("allowed.example", "a WebSocket") => "closed: 4403 MISSING",
            (_, "a WebSocket") => "closed: 1006 ",
            // it may also sign in with its own credentials, but the cookie stays unchanged
            ("allowed.example", name) if name.starts_with("steal by fetch, cors") => continue,
            _ => "nothing",
        };
        assert_eq!(attempt[2], got, "{attempt}");
    }
}
