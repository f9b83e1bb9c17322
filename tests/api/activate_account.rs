use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp};

const LINK: [(&str, &str); 2] = [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_verifies_the_address_only_once(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &LINK).await;
    let challenge = app.register(EMAIL, PASSWORD).await;
    assert_eq!((&challenge["method"], &challenge["expiresIn"]), (&json!("LINK"), &json!(86_400)));
    let link = app.link(EMAIL).await;
    assert!(link.starts_with(&format!("{}/activate#token=", app.url)), "{link}");
    let token = app.token(EMAIL).await;
    let proven = app.activate_with(&token, json!({ "challengeId": challenge["id"] })).await;
    assert_eq!(proven["user"]["email"], EMAIL);
    assert_eq!(app.activate(&token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

/// The password or the challenge ID shows that the person who opens the link is the one who signed up.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_keeps_the_password_only_with_that_password_or_the_challenge_id(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("optional", "mandatory")] mode: &str,
) {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", mode), LINK[1]]).await;
    for (n, beside, keeps) in [
        (0, json!({}), false),
        (1, json!({ "challengeId": "own" }), true),
        (2, json!({ "challengeId": "resent" }), true),
        (3, json!({ "password": PASSWORD }), true),
        (4, json!({ "challengeId": "4711" }), false),
    ] {
        let email = format!("person-{n}@example.org");
        let begun = app.register(&email, PASSWORD).await;
        let own = if mode == "mandatory" { &begun["id"] } else { &begun["emailChallenge"]["id"] };
        let mut beside = beside;
        if beside["challengeId"] == "own" {
            beside["challengeId"] = own.clone();
        }
        if beside["challengeId"] == "resent" {
            app.advance(Duration::from_secs(61));
            app.resend_link(&email, Some(own)).await;
            beside["challengeId"] = own.clone();
        }
        let token = app.token(&email).await;
        for wrong in ["wrong horse battery", ""] {
            let refused = app.activate_with(&token, json!({ "password": wrong })).await;
            assert_eq!(refused["code"], "INVALID_CREDENTIALS", "the link stays valid");
        }
        let proven = app.activate_with(&token, beside.clone()).await;
        assert_eq!(proven["__typename"], "AuthPayload", "{beside}: {proven}");
        let works = app.login(&email, PASSWORD).await["__typename"] == "AuthPayload";
        assert_eq!(works, keeps, "{beside}");
        if mode == "optional" {
            assert_eq!(app.me(begun["accessToken"].as_str().unwrap()).await == email, keeps, "{beside}");
        }
    }
}

/// A stranger signs up with another person's address, and that person opens the link in the email.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_does_not_reveal_its_challenge_id(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &LINK).await;
    let strangers = app.register(EMAIL, PASSWORD).await;
    let token = app.token(EMAIL).await;
    let id: uuid::Uuid = strangers["id"].as_str().unwrap().parse().unwrap();
    let held = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &token).unwrap();
    assert!(!held.windows(16).any(|part| part == id.as_bytes()));
    let guesses = uuid::Uuid::from_slice(&held[..16]).unwrap();
    let proven = app.activate_with(&token, json!({ "challengeId": guesses.to_string() })).await;
    assert_eq!(proven["__typename"], "AuthPayload");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_sent_with_a_link_are_rate_limited_and_the_link_is_not() {
    let app = TestApp::with(Sqlite, &LINK).await;
    app.register(EMAIL, PASSWORD).await;
    let token = app.token(EMAIL).await;
    for _ in 0..20 {
        app.activate_with(&token, json!({ "password": "wrong horse battery" })).await;
    }
    let refused = app.activate_with(&token, json!({ "password": PASSWORD })).await;
    assert_eq!(refused["code"], "RATE_LIMITED");
    assert_eq!(app.activate(&token).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_keeps_no_password_after_several_registrations(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &LINK).await;
    app.register(EMAIL, PASSWORD).await;
    app.advance(Duration::from_secs(61));
    app.register(EMAIL, "a stranger chose this").await;
    let proven = app.activate(&app.token(EMAIL).await).await;
    let me = app.run_as(proven["accessToken"].as_str().unwrap(), "{ me { hasPassword } }", json!({})).await;
    assert_eq!(me.data("me")["hasPassword"], false);
    for password in [PASSWORD, "a stranger chose this"] {
        assert_eq!(app.login(EMAIL, password).await["code"], "INVALID_CREDENTIALS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resent_link_replaces_only_the_link_of_its_own_challenge() {
    let app = TestApp::with(Sqlite, &LINK).await;
    let first = app.register(EMAIL, PASSWORD).await;
    let old = app.token(EMAIL).await;
    app.advance(Duration::from_secs(61));
    app.resend_link(EMAIL, None).await;
    let strangers = app.token(EMAIL).await;
    app.advance(Duration::from_secs(61));
    app.resend_link(EMAIL, Some(&first["id"])).await;
    let new = app.token(EMAIL).await;
    assert_eq!(app.activate(&old).await["code"], "INVALID_TOKEN");
    let proven = app.activate_with(&new, json!({ "challengeId": first["id"] })).await;
    assert_eq!(proven["__typename"], "AuthPayload");
    assert_eq!(app.activate(&strangers).await["code"], "INVALID_TOKEN", "the address is already verified");
}

/// Tokens of another kind, and altered, used and expired tokens all get the same error.
#[tokio::test(flavor = "multi_thread")]
async fn swapped_altered_used_and_expired_tokens_get_the_same_error() {
    let app = TestApp::with(Sqlite, &LINK).await;
    app.register(EMAIL, PASSWORD).await;
    let activation = app.token(EMAIL).await;
    let proven = app.activate_with(&activation, json!({ "password": PASSWORD })).await;
    app.request_reset(EMAIL).await;
    let reset = app.token(EMAIL).await;
    app.register("grace@example.org", PASSWORD).await;
    let late = app.token("grace@example.org").await;
    app.register("new@example.org", PASSWORD).await;
    let change = app.token("new@example.org").await;
    let altered = |token: &str, at: usize| {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut token = token.to_owned();
        token.replace_range(at..=at, other);
        token
    };
    let refresh = proven["refreshToken"].as_str().unwrap();
    let mut activations = Vec::new();
    for token in [
        reset.as_str(),
        &activation,
        &altered(&change, 3),
        &altered(&change, 40),
        &change[1..],
        &format!("{change}A"),
        refresh,
        "",
        "x",
        &"x".repeat(10_000),
    ] {
        activations.push(app.activate(token).await);
    }
    app.advance(Duration::from_hours(24));
    activations.push(app.activate(&late).await);
    assert!(activations.iter().all(|answer| *answer == activations[0]), "{activations:?}");
    assert_eq!(activations[0]["code"], "INVALID_TOKEN");

    app.request_reset(EMAIL).await;
    let spent = app.token(EMAIL).await;
    app.reset(&spent, "battery horse correct").await;
    let mut resets: Vec<Value> = Vec::new();
    for token in [&activation, &change, &late, &reset, &spent, &altered(&spent, 3), "", refresh] {
        resets.push(app.reset(token, "battery horse correct").await);
    }
    assert!(resets.iter().all(|answer| *answer == resets[0]), "{resets:?}");
    assert_eq!(resets[0]["code"], "INVALID_TOKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_header_influences_a_link() {
    let app = TestApp::with(Sqlite, &LINK).await;
    let query = "mutation($e: String!) { signup(input: { email: $e, password: \"correct horse battery\" }) { __typename } }";
    for (n, (name, value)) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("forwarded", "host=evil.example"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
        ("x-original-url", "https://evil.example/"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("person-{n}@example.org");
        let body = json!({ "query": query, "variables": { "e": email } });
        app.post().header(name, value).json(&body).send().await.unwrap();
        // a request from a foreign origin is refused, so it sends no email
        let mails = app.inbox(&email).await;
        assert_eq!(mails.is_empty(), name == "origin");
        assert!(mails.iter().all(|mail| !mail.source.contains("evil") && !mail.source.contains("gopher")));
    }
    let other =
        app.post().header("host", "evil.example").json(&json!({ "query": query })).send().await.unwrap();
    assert_eq!(other.status(), 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_can_open_an_apps_own_pages() {
    let settings = [
        LINK[0],
        LINK[1],
        ("ACTIVATION_URL", "https://app.example.org/welcome?step=2#t={token}"),
        ("PASSWORD_RESET_URL", "https://app.example.org/new-password#{token}"),
    ];
    let app = TestApp::with(Sqlite, &settings).await;
    app.register(EMAIL, PASSWORD).await;
    let link = app.link(EMAIL).await;
    let token = link.strip_prefix("https://app.example.org/welcome?step=2#t=").unwrap().to_owned();
    assert_eq!(app.activate(&token).await["__typename"], "AuthPayload");
    app.request_reset(EMAIL).await;
    let link = app.link(EMAIL).await;
    let token = link.strip_prefix("https://app.example.org/new-password#").unwrap();
    assert_eq!(app.reset(token, "battery horse correct").await["__typename"], "PasswordChanged");
}
