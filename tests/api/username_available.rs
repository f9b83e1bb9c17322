use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, Sqlite, TestApp};

const QUERY: &str = "query($username: String!) { usernameAvailable(username: $username) }";

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_available_if_it_is_well_formed_and_free() {
    let app = TestApp::start(Sqlite).await;
    app.signup(json!({ "email": EMAIL, "username": "Ada", "password": PASSWORD })).await;
    for (username, available) in [
        ("grace", true),
        ("ada", false),
        ("ADA", false),
        ("ad", false),
        ("", false),
        ("a@b", false),
        ("ad%", false),
        ("grace ", true),
        ("\u{a0}grace\u{200b}", true),
        ("gr\u{200b}ace", false),
        ("ada\n", false),
    ] {
        let answer = app.run(QUERY, json!({ "username": username })).await.data("usernameAvailable");
        assert_eq!(answer, available, "{username}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_120_checks_an_hour_across_operations() {
    let app = TestApp::with(Sqlite, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ask = async |from: &str| {
        let five: Vec<String> =
            (0..5).map(|n| format!("a{n}: usernameAvailable(username: \"grace\")")).collect();
        let five = five.join(" ");
        let body = json!({ "query": format!("{{ {five} }}") });
        Answer::of(app.post().header("x-forwarded-for", from).json(&body)).await
    };
    for _ in 0..24 {
        assert_eq!(ask("203.0.113.9").await.data("a4"), true);
    }
    let refused = ask("203.0.113.9").await;
    assert_eq!(refused.code(), "LIMIT_EXCEEDED");
    assert_eq!(refused.body["errors"][0]["extensions"]["retryAfter"], 30);
    assert!(
        refused.text.contains("(RATE_LIMIT_USERNAME_CHECKS)"),
        "the error does not name the limit: {}",
        refused.text
    );
    assert_eq!(ask("198.51.100.7").await.data("a0"), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_name_is_not_available() {
    let app = TestApp::start(Sqlite).await;
    let is_available = async |app: &TestApp, username: &str| {
        app.run(QUERY, json!({ "username": username })).await.data("usernameAvailable") == true
    };
    for username in ["admin", "Root", "SUPPORT", "postmaster", "no-reply", "gatehouse"] {
        assert!(!is_available(&app, username).await, "{username}");
    }
    let other = app.another(&[("RESERVED_USERNAMES", "Boss, the-boss")]).await;
    for (username, available) in
        [("admin", true), ("boss", false), ("The-Boss", false), (" boss\u{200b}", false)]
    {
        assert_eq!(is_available(&other, username).await, available, "{username}");
    }
    assert!(
        is_available(&app.another(&[("RESERVED_USERNAMES", ",")]).await, "admin").await,
        "no name is reserved"
    );
}
