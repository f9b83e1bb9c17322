//! The pages behind links in emails, for apps without pages of their own, in a real browser.

use std::time::Duration;

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp, node::browse};

pub(crate) const NEW: &str = "battery horse correct";
pub(crate) const LINK: [(&str, &str); 2] =
    [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];

pub(crate) async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}{path}", app.url))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_load_nothing_from_other_origins_and_are_never_cached() {
    let settings = [("APP_NAME", "<b>Ada & Co</b>"), ("SUPPORT_EMAIL", "help@example.org")];
    let app = TestApp::with(Sqlite, &settings).await;
    let scripts = ["account", "activate", "reset_password", "sign_in", "undo"];
    let scripts = scripts.map(|name| format!("/pages/{name}.js"));
    let pages = ["/activate", "/sign-in", "/reset-password", "/undo", "/pages/account.css"];
    for path in pages.into_iter().chain(scripts.iter().map(String::as_str)) {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(!answer.text.contains("http:") && !answer.text.contains("https:"), "{path}");
        assert!(!answer.text.contains("innerHTML"), "the script inserts HTML");
        if !path.contains('.') {
            assert!(answer.text.contains("&lt;b&gt;Ada &amp; Co&lt;&#x2f;b&gt;"), "{}", answer.text);
            assert!(answer.text.contains("mailto:help@example.org") && !answer.text.contains("<b>"));
        }
    }
    assert_eq!(get(&app, "/pages/another.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_links_to_the_app_if_there_is_one() {
    let app =
        TestApp::with(Sqlite, &[("APP_URL", "https://app.example.org/?a=1&b=2"), ("APP_NAME", "Ada & Co")])
            .await;
    for path in ["/activate", "/sign-in", "/reset-password", "/undo"] {
        let page = get(&app, path).await.text.replace("&#x2f;", "/");
        let link = "<a href=\"https://app.example.org/?a=1&amp;b=2\">Go to Ada &amp; Co</a>";
        assert!(page.contains(link), "{page}");
        let without = get(&app.another(&[("APP_URL", "")]).await, path).await.text;
        assert!(!without.contains("Go to") && !without.contains("<!-- app"), "{without}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_an_app_replace_the_servers() {
    for (setting, gone, there) in [
        ("ACTIVATION_URL", "/activate", "/reset-password"),
        ("PASSWORD_RESET_URL", "/reset-password", "/activate"),
        ("LOGIN_URL", "/sign-in", "/undo"),
        ("UNDO_URL", "/undo", "/sign-in"),
    ] {
        let app = TestApp::with(Sqlite, &[(setting, "https://app.example.org/#{token}")]).await;
        assert_eq!(get(&app, gone).await.status, StatusCode::NOT_FOUND);
        assert_eq!(get(&app, there).await.status, StatusCode::OK);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_shown_with_a_way_forward(#[values(Sqlite, Postgres)] database: Database) {
    let settings = [LINK[0], LINK[1], ("PASSWORD_MIN_LENGTH", "12"), ("NO_ACCOUNT_NOTICE", "on")];
    let app = TestApp::with(database, &settings).await;

    // without a token, and with an email requested again
    app.register(EMAIL, PASSWORD).await;
    let link = app.link(EMAIL).await;
    let ask = [["press", "Tab"], ["type", EMAIL], ["press", "Enter"]];
    let steps = json!([
        ["open", format!("{}/activate", app.url)],
        ["read"],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["type", "nonsense"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", EMAIL],
        ["press", "Enter"],
        ["read"],
        ["open", format!("{}/reset-password", app.url)],
        ["read"],
        ask[0],
        ask[1],
        ask[2],
        ["read"],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert_eq!(
        (&reads[0]["title"], &reads[0]["button"]),
        (&json!("Open the link again"), &json!("Send me a new link"))
    );
    assert_eq!(reads[1]["fault"], "Enter your email address.");
    assert!(
        reads[2]["fault"].as_str().unwrap().starts_with("This is not a valid email address"),
        "{}",
        reads[2]
    );
    assert!(
        reads[3]["notice"].as_str().unwrap().starts_with("Too many attempts. Try again in "),
        "{}",
        reads[3]
    );
    assert_eq!(reads[4]["title"], "Forgot your password?");
    assert!(reads[5]["notice"].as_str().unwrap().contains("we have sent you a link"), "{}", reads[5]);
    assert!(reads[6]["notice"].as_str().unwrap().contains("Too many attempts"), "{}", reads[6]);

    // the link is opened in a tab that already shows the page
    let fragment = format!("#{}", link.split_once('#').unwrap().1);
    let steps = json!([["open", format!("{}/activate", app.url)], ["fragment", fragment], ["read"]]);
    assert_eq!(browse(&steps)["reads"][0]["title"], "Confirm your email address");

    // the link has expired
    app.advance(Duration::from_hours(24));
    let without = "I don’t know the password. Confirm without it";
    let steps = json!([["open", link], ["click", without], ["read"]]);
    let late = &browse(&steps)["reads"][0];
    assert_eq!(late["title"], "This link no longer works");

    // a stranger may have signed up: a person who does not know the password confirms without it and sets a new one
    app.register(EMAIL, PASSWORD).await;
    let steps = json!([
        ["open", app.link(EMAIL).await],
        ["click", without],
        ["read"],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert_eq!(
        (&reads[0]["title"], &reads[0]["button"]),
        (&json!("Your email address is confirmed"), &json!("Send me a new link"))
    );
    assert!(reads[1]["notice"].as_str().unwrap().contains("we have sent you a link"), "{}", reads[1]);
    let steps = json!([
        ["open", app.link(EMAIL).await],
        ["read"],
        ["press", "Tab"],
        ["type", "only eleven"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert!(reads[0]["hint"].as_str().unwrap().starts_with("At least 12 characters."), "{}", reads[0]);
    assert_eq!(reads[1]["fault"], "A password must have at least 12 characters.");
    assert_eq!(reads[2]["title"], "Your new password is set");
    assert_eq!(app.login(EMAIL, NEW).await["__typename"], "AuthPayload");

    // a deactivated account, and links that are switched off
    app.register("grace@example.org", PASSWORD).await;
    let grace = app.link("grace@example.org").await;
    let insert = "UPDATE users SET is_active = FALSE, email_verified_at = NULL, email = 'grace@example.org', email_key = 'grace@example.org'";
    app.sql(insert).await;
    let steps = json!([["open", grace], ["click", without], ["read"]]);
    let shut = &browse(&steps)["reads"][0];
    assert!(shut["notice"].as_str().unwrap().starts_with("This account is deactivated."), "{shut}");
    let codes = app.another(&[("EMAIL_VERIFICATION_METHOD", "otp")]).await;
    let steps = json!([
        ["open", format!("{}/activate", codes.url)],
        ["press", "Tab"],
        ["type", EMAIL],
        ["press", "Enter"],
        ["read"]
    ]);
    let off = &browse(&steps)["reads"][0];
    assert!(off["notice"].as_str().unwrap().contains("does not accept this kind of link"), "{off}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_reported_and_the_form_can_be_sent_again() {
    let app = TestApp::with(Sqlite, &LINK).await;
    app.register(EMAIL, PASSWORD).await;
    let link = app.link(EMAIL).await;
    let steps = json!([
        ["open", link],
        ["offline", true],
        ["press", "Tab"],
        ["type", PASSWORD],
        ["press", "Enter"],
        ["read"],
        ["offline", false],
        ["press", "Enter"],
        ["read"],
    ]);
    let seen = browse(&steps);
    assert_eq!(
        seen["reads"][0]["notice"],
        "The server is not responding. Check your connection and try again."
    );
    assert_eq!(seen["reads"][1]["title"], "Your email address is confirmed");
}
