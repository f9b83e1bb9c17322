//! The page behind a sign-in link, in a real browser.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    confirm_login_link::Tab,
    support::{
        Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp, client::Browser, demo::at_localhost,
        node::browse,
    },
};

/// Signs up and verifies the address.
pub(crate) async fn proven(app: &TestApp, email: &str) -> SignedIn {
    let signed_in = app.sign_up(email).await;
    let code = app.code(email).await;
    let proven = app.verify_as(&signed_in.access_token, email, &code, None).await;
    assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
    signed_in
}

/// Requests a sign-in email, and returns its link.
async fn sign_in_link(app: &TestApp, email: &str) -> String {
    let request = format!("mutation {{ requestLoginCode(email: \"{email}\") {{ __typename }} }}");
    assert_eq!(app.run(&request, Value::Null).await.data("requestLoginCode")["__typename"], "EmailChallenge");
    app.link(email).await
}

/// Refreshes with the browser's cookie, and returns the user's address or the error code.
const REFRESH: &str = "fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json', \
    'x-token-delivery': 'cookie' }, body: JSON.stringify({ query: 'mutation { refresh { ... on AuthPayload { user \
    { email } } ... on UserError { code } } }' }) }).then((answer) => answer.json()).then(({ data: { refresh } }) => \
    refresh.user?.email ?? refresh.code)";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_link_signs_in_when_the_button_is_pressed(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    proven(&app, EMAIL).await;
    let link = sign_in_link(&app, EMAIL).await;
    assert!(link.starts_with(&format!("{}/sign-in#token=", app.url)), "{link}");
    let seen = browse(&json!([
        ["open", link],
        ["read"],
        ["run", REFRESH],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["run", REFRESH],
        ["open", link],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
    ]));
    let reads = &seen["reads"];
    assert_eq!(reads[0]["title"], "Sign in");
    let button = reads[0]["button"].as_str().unwrap();
    assert!(button.starts_with(&format!("Sign in as {EMAIL}")), "{button}");
    assert_eq!(reads[1], "INVALID_INPUT", "opening the link neither uses it nor signs in");
    assert_eq!(reads[2]["title"], "You are signed in");
    let notice = reads[2]["notice"].as_str().unwrap();
    assert!(notice.starts_with(&format!("You are signed in as {EMAIL}.")), "{notice}");
    assert_eq!(reads[3], EMAIL, "an app of the same site has the session");
    assert_eq!(reads[4]["title"], "This link no longer works");
    assert_eq!(reads[4]["button"], "Send me a new link");
    assert_eq!(seen["complaints"], json!([]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_for_the_second_factor(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    for right in [authenticator.code_in(&app, 1), authenticator.recovery_codes[0].clone()] {
        app.advance(std::time::Duration::from_secs(1));
        let link = sign_in_link(&app, EMAIL).await;
        let seen = browse(&json!([
            ["open", link],
            ["press", "Tab"],
            ["press", "Enter"],
            ["await", "One more step"],
            ["read"],
            ["run", REFRESH],
            ["type", "000 000"],
            ["press", "Enter"],
            ["await", "This code is wrong"],
            ["press", "Control+A"],
            ["type", right],
            ["press", "Enter"],
            ["await", "You are signed in as"],
            ["read"],
            ["run", REFRESH],
        ]));
        let reads = &seen["reads"];
        assert_eq!(reads[0]["title"], "One more step");
        assert_eq!(reads[1], "INVALID_INPUT", "nobody is signed in yet");
        assert_eq!(reads[2]["title"], "You are signed in");
        assert_eq!(reads[3], EMAIL);
        assert_eq!(seen["complaints"], json!([]));
        app.advance(std::time::Duration::from_mins(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_takes_a_passkey_as_the_second_factor_and_instead_of_a_link() {
    let app = at_localhost(TestApp::start(Sqlite).await);
    let mut browser = Browser::start(app, "cookie");
    browser.open(0);
    browser.tabs.act("authenticator", Some(0), true);
    let signed_up =
        browser.tabs.run(0, &format!("client.passkeys(gatehouse).signup({{ email: '{EMAIL}' }})"));
    assert_eq!(signed_up["kind"], "AuthPayload", "{signed_up}");
    let proof = json!({ "email": EMAIL, "otp": browser.app.code(EMAIL).await });
    assert_eq!(browser.tabs.run(0, &format!("gatehouse.verifyOtp({proof})"))["kind"], "AuthPayload");
    browser.tabs.run(0, "gatehouse.logout()");

    let reads = |text: &str| format!("document.body.innerText.includes({})", json!(text));
    let link = sign_in_link(&browser.app, EMAIL).await.replace("127.0.0.1", "localhost");
    browser.tabs.act("open", Some(0), link.clone());
    browser.tabs.act("press", Some(0), "Tab");
    browser.tabs.act("press", Some(0), "Enter");
    browser.tabs.act("wait", Some(0), reads("One more step"));
    assert_eq!(browser.tabs.run(0, "document.querySelector('#lead').innerText"), "Use your passkey.");
    assert_eq!(browser.tabs.run(0, REFRESH), "INVALID_INPUT", "nobody is signed in yet");
    browser.tabs.act("verifies", Some(0), false);
    browser.tabs.act("press", Some(0), "Enter");
    browser.tabs.act("wait", Some(0), reads("No passkey was used."));
    assert_eq!(browser.tabs.act("axe", Some(0), Value::Null), json!([]));
    browser.tabs.act("verifies", Some(0), true);
    browser.tabs.act("press", Some(0), "Enter");
    browser.tabs.act("wait", Some(0), reads(&format!("You are signed in as {EMAIL}.")));
    assert_eq!(browser.tabs.run(0, REFRESH), EMAIL);

    // a spent link offers the passkey instead
    browser.tabs.act("open", Some(0), format!("{}/sign-in", browser.app.url));
    browser.tabs.act("wait", Some(0), reads("Sign in with a passkey"));
    assert_eq!(browser.tabs.act("axe", Some(0), Value::Null), json!([]));
    for _ in 0..3 {
        browser.tabs.act("press", Some(0), "Tab");
    }
    browser.tabs.act("press", Some(0), "Enter");
    browser.tabs.act("wait", Some(0), reads(&format!("You are signed in as {EMAIL}.")));
    assert_eq!(browser.tabs.act("complaints", Some(0), Value::Null), json!([]));
}

#[rstest]
#[case::another_address("ada@example.org")]
#[case::no_address("")]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_attackers_account_under_a_false_name_signs_nobody_in(#[case] name: &str) {
    let app = TestApp::start(Sqlite).await;
    let attacker = "eve@example.org";
    proven(&app, attacker).await;
    let link = sign_in_link(&app, attacker).await;
    let link = format!("{}&account={name}", link.split_once("&account=").unwrap().0);
    let steps = [json!(["open", link]), json!(["read"])];
    let press =
        [json!(["press", "Tab"]), json!(["press", "Enter"]), json!(["read"]), json!(["run", REFRESH])];
    let seen = browse(&json!([&steps[..], &press[..]].concat()));
    let reads = &seen["reads"];
    if name.is_empty() {
        assert_eq!(reads[0]["title"], "Open the link again", "a link without an address is not used");
    } else {
        let button = reads[0]["button"].as_str().unwrap();
        assert!(button.starts_with(&format!("Sign in as {name}")), "{button}");
        assert_eq!(reads[1]["title"], "Do not trust this link");
        assert!(reads[1]["notice"].as_str().unwrap().ends_with("You are not signed in."), "{}", reads[1]);
    }
    assert_eq!(reads[2], "INVALID_INPUT", "there is no cookie");
    let eve = app.sign_in(attacker).await;
    let me = app.run_as(&eve.access_token, "{ me { sessions { id } } }", Value::Null).await.data("me");
    assert_eq!(me["sessions"].as_array().unwrap().len(), 2, "the page's own session has ended");
}

/// The link was requested by an app on another device, which waits.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_requested_elsewhere_signs_in_there(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    proven(&app, EMAIL).await;
    let mut tab = Tab::request(&app, EMAIL).await;
    let (link, code) = (app.link(EMAIL).await, app.code(EMAIL).await);
    let shown = "['otp', 'number'].map((id) => document.getElementById(id).textContent)";
    let seen = browse(&json!([
        ["open", link],
        ["await", "This link was requested elsewhere"],
        ["run", shown],
        ["read"],
        ["press", "Tab"],
        ["press", "Tab"],
        ["press", "Enter"],
        ["await", "You are being signed in where you requested the link."],
        ["read"],
        ["run", REFRESH],
    ]));
    let reads = &seen["reads"];
    assert_eq!(reads[0], json!([code, tab.number]));
    assert_eq!(reads[1]["button"], format!("Sign in as {EMAIL} The numbers match. Sign in there"));
    assert_eq!(reads[2]["title"], "Continue on the other screen");
    assert_eq!(reads[3], "INVALID_INPUT", "nobody is signed in here");
    assert_eq!(seen["complaints"], json!([]));
    let code = tab.code().await.unwrap();
    assert_eq!(app.verify(EMAIL, &code, Some(&tab.id)).await["__typename"], "AuthPayload");
}

/// As the TypeScript client does, an app on the same site has stored the challenge.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_requested_in_this_browser_offers_only_to_sign_in_here() {
    let app = TestApp::with(Sqlite, &[("RESEND_COOLDOWN", "1s")]).await;
    proven(&app, EMAIL).await;
    let tab = Tab::request(&app, EMAIL).await;
    let keep = format!(
        "localStorage.setItem('gatehouse cookie graphql challenges', JSON.stringify([{{ purpose: 'SIGN_IN', id: {} }}]))",
        tab.id
    );
    let offered = "(async () => { \
        const isThere = ({ name, responseEnd }) => name.endsWith('/op/confirmLoginLink') && responseEnd; \
        while (!performance.getEntriesByType('resource').some(isThere)) await new Promise((wake) => { setTimeout(wake, 20); }); \
        await fetch('/op/authSettings'); \
        return !document.getElementById('elsewhere').hidden; })()";
    let link = app.link(EMAIL).await;
    let seen = browse(&json!([
        ["open", link],
        ["run", offered],
        ["run", keep],
        ["open", link],
        ["run", offered],
        ["read"],
    ]));
    assert_eq!((&seen["reads"][0], &seen["reads"][2]), (&json!(true), &json!(false)));
    assert_eq!(seen["reads"][3]["button"], format!("Sign in as {EMAIL}"));
}
