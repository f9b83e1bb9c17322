use serde_json::json;

use crate::support::{Answer, EMAIL, PASSWORD, Sqlite, TestApp};

const QUERY: &str = "query($username: String!) { usernameAvailable(username: $username) { __typename
    ... on UsernameAvailability { username isAvailable suggestion }
    ... on UserError { code retryAfter fields { field code min max suggestion } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_available_if_it_is_well_formed_and_free() {
    let app = TestApp::start(Sqlite).await;
    app.signup(json!({ "email": EMAIL, "username": "Ada", "password": PASSWORD })).await;
    let check = async |username: &str| {
        app.run(QUERY, json!({ "username": username })).await.data("usernameAvailable")
    };
    for (username, normalised, is_available) in [
        ("grace", "grace", true),
        ("ada", "ada", false),
        ("ADA", "ADA", false),
        ("grace ", "grace", true),
        ("\u{a0}grace\u{200b}", "grace", true),
        ("ada\n", "ada", false),
    ] {
        let answer = check(username).await;
        assert_eq!((&answer["username"], &answer["isAvailable"]), (&json!(normalised), &json!(is_available)));
        assert_eq!(answer["suggestion"].is_string(), !is_available, "{answer}");
        if let Some(suggestion) = answer["suggestion"].as_str() {
            assert_eq!(check(suggestion).await["isAvailable"], true, "{suggestion}");
        }
    }
    for (username, fault) in [
        ("ad", json!({ "code": "TOO_SHORT", "min": 3, "max": null, "suggestion": null })),
        ("", json!({ "code": "TOO_SHORT", "min": 3, "max": null, "suggestion": null })),
        (&"a".repeat(31), json!({ "code": "TOO_LONG", "min": null, "max": 30, "suggestion": null })),
        ("a@b", json!({ "code": "MALFORMED", "min": null, "max": null, "suggestion": null })),
        ("adа", json!({ "code": "MALFORMED", "min": null, "max": null, "suggestion": null })), // a Cyrillic а
        ("ad%", json!({ "code": "MALFORMED", "min": null, "max": null, "suggestion": null })),
        ("gr\u{200b}ace", json!({ "code": "MALFORMED", "min": null, "max": null, "suggestion": "grace" })),
        (
            "Grace H\u{f6}pper",
            json!({ "code": "MALFORMED", "min": null, "max": null, "suggestion": "Grace_Hopper" }),
        ),
    ] {
        let mut fault = fault;
        fault["field"] = json!("username");
        let answer = check(username).await;
        assert_eq!(
            (&answer["code"], &answer["fields"]),
            (&json!("INVALID_INPUT"), &json!([fault])),
            "{username}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_120_checks_an_hour_across_operations() {
    let app = TestApp::with(Sqlite, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ask = async |from: &str| {
        let five: Vec<String> =
            (0..5).map(|n| format!("a{n}: usernameAvailable(username: \"grace\") {{ ...R }}")).collect();
        let five = five.join(" ");
        let result = "fragment R on UsernameAvailableResult { ... on UsernameAvailability { isAvailable }
            ... on UserError { code retryAfter } }";
        let body = json!({ "query": format!("{{ {five} }} {result}") });
        Answer::of(app.post().header("x-forwarded-for", from).json(&body)).await
    };
    for _ in 0..24 {
        assert_eq!(ask("203.0.113.9").await.data("a4")["isAvailable"], true);
    }
    let refused = ask("203.0.113.9").await.data("a0");
    assert_eq!(refused, json!({ "code": "RATE_LIMITED", "retryAfter": 30 }));
    assert_eq!(ask("198.51.100.7").await.data("a0")["isAvailable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_name_is_not_available() {
    let app = TestApp::start(Sqlite).await;
    let is_available = async |app: &TestApp, username: &str| {
        app.run(QUERY, json!({ "username": username })).await.data("usernameAvailable")["isAvailable"] == true
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
