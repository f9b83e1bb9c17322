//! The playground asks the browser for a passkey, and fills in what it returns.

use serde_json::{Value, json};

use crate::support::{NO_VERIFICATION, Sqlite, TestApp, demo::at_localhost, tabs::Tabs};

/// Opens the tab of an operation, and runs it.
fn run(tabs: &mut Tabs, operation: &str) {
    // the page is not ready before the editor is
    tabs.act("wait", Some(0), "document.querySelector('.graphiql-query-editor .view-line')?.innerText");
    click(tabs, ".guide button", operation);
    run_next(tabs, operation);
}

/// Runs the operation whose tab opens.
fn run_next(tabs: &mut Tabs, operation: &str) {
    let is_open = format!(
        "document.querySelector('.graphiql-tab-active').innerText.trim() === {0} \
         && document.querySelector('.graphiql-query-editor').innerText.includes({0})",
        json!(operation)
    );
    tabs.act("wait", Some(0), is_open);
    click(tabs, ".graphiql-execute-button", "");
}

fn click(tabs: &mut Tabs, selector: &str, text: &str) {
    let found = format!(
        "[...document.querySelectorAll({})].find((at) => at.innerText.startsWith({}))",
        json!(selector),
        json!(text)
    );
    tabs.act("wait", Some(0), format!("Boolean({found})"));
    tabs.run(0, &format!("void {found}.click()"));
}

fn says(tabs: &mut Tabs, text: &str) {
    let is = format!("document.querySelector('.hint').innerText.includes({})", json!(text));
    tabs.act("wait", Some(0), is);
}

fn answers(tabs: &mut Tabs, text: &str) {
    let is = format!(
        "document.querySelector('.graphiql-response').innerText.replaceAll(/\\s+/g, ' ').includes({})",
        json!(text)
    );
    tabs.act("wait", Some(0), is);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_below_the_response_creates_and_uses_a_passkey() {
    let app = at_localhost(TestApp::with(Sqlite, &[NO_VERIFICATION]).await);
    let mut tabs = Tabs::start();
    tabs.act("open", Some(0), app.url.clone());
    tabs.act("authenticator", Some(0), true);
    run(&mut tabs, "PasskeyLogin");
    says(&mut tabs, "StartPasskeyLogin provides <loginCeremonyId>.");

    run(&mut tabs, "StartPasskeySignup");
    says(&mut tabs, "Next, the browser must create or use a passkey.");
    assert_eq!(tabs.act("axe", Some(0), Value::Null), json!([]));
    click(&mut tabs, ".hint button", "Create a passkey");
    run_next(&mut tabs, "PasskeySignup");
    answers(&mut tabs, "\"AuthPayload\"");

    tabs.act("verifies", Some(0), false);
    run(&mut tabs, "StartPasskeyLogin");
    says(&mut tabs, "Next, the browser must create or use a passkey.");
    run(&mut tabs, "PasskeyLogin");
    says(&mut tabs, "Only a browser can use a passkey");
    run(&mut tabs, "StartPasskeyLogin");
    click(&mut tabs, ".hint button", "Use a passkey");
    says(&mut tabs, "No passkey:");
    tabs.act("verifies", Some(0), true);
    click(&mut tabs, ".hint button", "Use a passkey");
    run_next(&mut tabs, "PasskeyLogin");
    answers(&mut tabs, "\"passkeyLogin\": { \"__typename\": \"AuthPayload\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_numeric_address_it_leads_to_the_one_at_which_passkeys_work() {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    let mut tabs = Tabs::start();
    tabs.act("open", Some(0), app.url.clone());
    run(&mut tabs, "StartPasskeyLogin");
    says(&mut tabs, "Passkeys do not work at 127.0.0.1");
    let there = tabs.run(0, "document.querySelector('.hint a').href");
    assert_eq!(there, format!("{}/", app.url.replace("127.0.0.1", "localhost")));
}
