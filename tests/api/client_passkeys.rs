//! The TypeScript client uses, manages and forgets passkeys, with a virtual authenticator in a real browser.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp, client::Browser, demo::at_localhost,
};

async fn start(keep: &'static str, settings: &[(&str, &str)]) -> Browser {
    let mut browser = Browser::start(at_localhost(TestApp::with(Sqlite, settings).await), keep);
    open(&mut browser);
    browser.tabs.act("authenticator", Some(0), true);
    browser
}

fn open(browser: &mut Browser) {
    browser.open(0);
    browser.tabs.run(0, "void (window.keys = client.passkeys(gatehouse))");
}

/// Signs up without an email address. For such an account, a recent proof is enough to add a passkey.
async fn sign_up(browser: &mut Browser) -> Value {
    let outcome = browser.tabs.run(0, "keys.signup({ username: 'ada' })");
    assert_eq!(outcome["kind"], "AuthPayload", "{outcome}");
    outcome
}

const WITHOUT_EMAIL: &[(&str, &str)] = &[NO_VERIFICATION, ("EMAIL_REQUIRED", "false")];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_client_signs_up_and_in_with_a_passkey(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = start(keep, WITHOUT_EMAIL).await;
    let outcome = sign_up(&mut browser).await;
    assert_eq!(outcome["user"]["secondFactors"], json!(["PASSKEY"]));
    assert_eq!(outcome["user"]["hasPassword"], false);
    browser.tabs.run(0, "gatehouse.logout()");
    let outcome = browser.tabs.run(0, "keys.login()");
    assert_eq!(
        (&outcome["kind"], &outcome["session"]["methods"]),
        (&json!("AuthPayload"), &json!(["PASSKEY"]))
    );
    assert_eq!(browser.tabs.run(0, "gatehouse.state().user.username"), "ada");

    let list = browser.tabs.run(0, "keys.list()");
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    let renamed = browser.tabs.run(0, &format!("keys.rename({}, 'Laptop')", list[0]["id"]));
    assert_eq!((&renamed["kind"], &renamed["name"]), (&json!("Passkey"), &json!("Laptop")));
    assert_eq!(browser.tabs.run(0, "keys.add()"), json!({ "kind": "NoPasskey", "reason": "alreadyAdded" }));
    let refused = browser.tabs.run(0, &format!("keys.remove({})", list[0]));
    assert_eq!(refused["code"], "LAST_SIGN_IN_METHOD", "{refused}");

    // a password makes the passkey a second factor
    let set = browser.tabs.run(0, &format!("gatehouse.changePassword({{ newPassword: '{PASSWORD}' }})"));
    assert_eq!(set["kind"], "PasswordChanged", "{set}");
    browser.tabs.run(0, "gatehouse.logout()");
    let input = json!({ "identifier": "ada", "password": PASSWORD });
    browser.tabs.run(0, &format!("gatehouse.login({input}).then((it) => void (window.challenge = it))"));
    assert_eq!(
        browser.tabs.run(0, "[challenge.kind, challenge.methods]"),
        json!(["SecondFactorChallenge", ["PASSKEY"]])
    );
    browser.tabs.act("verifies", Some(0), false);
    let cancelled = json!({ "kind": "NoPasskey", "reason": "cancelled" });
    assert_eq!(browser.tabs.run(0, "keys.verifySecondFactor(challenge)"), cancelled);
    browser.tabs.act("verifies", Some(0), true);
    assert_eq!(browser.tabs.run(0, "keys.verifySecondFactor(challenge)")["kind"], "AuthPayload");

    // a stale session is confirmed with the passkey, and the password manager forgets the passkey after its removal
    browser.app.advance(std::time::Duration::from_mins(11));
    browser.tabs.run(0, &format!("void (window.removed = keys.remove({}))", list[0]));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["PASSKEY"]));
    browser.tabs.run(
        0,
        "keys.prove(asked.request.passkeyOptions).then(({ credential }) => asked.give({ passkey: credential }))",
    );
    let removed = browser.tabs.run(0, "removed");
    assert_eq!(removed["kind"], "User", "{removed}");
    assert_eq!(browser.tabs.run(0, "gatehouse.state().user.secondFactors"), json!([]));
    let forgets = "new Promise((wake) => { setTimeout(wake, 500); })";
    browser.tabs.run(0, forgets);
    assert_eq!(browser.tabs.act("authenticator", Some(0), true), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_wait_for_buttons_and_report_every_sign_in() {
    let mut browser = start("memory", WITHOUT_EMAIL).await;
    sign_up(&mut browser).await;
    browser.tabs.run(0, "gatehouse.logout()");
    browser.tabs.act("touch", Some(0), false);
    browser.tabs.run(0, "void (window.seen = [], window.stop = keys.autofill((login) => void login.then(({ kind }) => seen.push(kind), ({ code }) => seen.push(code))))");
    let count = |browser: &mut Browser, times: u64| {
        while browser.tabs.count("startPasskeyLogin") < times {
            browser.tabs.run(0, "new Promise((wake) => { setTimeout(wake, 50); })");
        }
    };
    count(&mut browser, 1);
    browser.tabs.act("verifies", Some(0), false);
    browser.tabs.act("touch", Some(0), true);
    let cancelled = json!({ "kind": "NoPasskey", "reason": "cancelled" });
    assert_eq!(browser.tabs.run(0, "keys.login()"), cancelled);
    // the suggestions are requested again, and must have ended before the browser can verify the user
    count(&mut browser, 3);
    browser.tabs.run(0, "void stop()");
    browser.tabs.act("verifies", Some(0), true);
    assert_eq!(browser.tabs.run(0, "seen"), json!([]));

    // without the account, the server refuses the passkey
    let credentials = browser.tabs.act("authenticator", Some(0), true);
    browser.tabs.act("authenticator", Some(0), credentials);
    browser.app.sql("DELETE FROM passkeys").await;
    browser.tabs.run(0, "void (window.stop = keys.autofill((login) => void login.then(({ kind, code }) => seen.push(code ?? kind))))");
    browser.tabs.act("wait", Some(0), "seen.length > 0");
    assert_eq!(browser.tabs.run(0, "seen[0]"), "NOT_FOUND");
    browser.tabs.run(0, "void stop()");
    assert_eq!(browser.tabs.act("authenticator", Some(0), true), json!([]), "it is forgotten");
}

#[rstest]
#[case::an_old_browser("delete PublicKeyCredential.parseCreationOptionsFromJSON", false, 0)]
#[case::no_browser("delete window.PublicKeyCredential", false, 0)]
#[case::a_password_manager(
    "PublicKeyCredential.prototype.toJSON = () => { throw new TypeError('Illegal invocation'); }",
    true,
    1
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_lacks_the_json_functions_counts_as_not_supported(
    #[case] script: &str,
    #[case] is_supported: bool,
    #[case] ceremonies: usize,
) {
    let mut browser = start("memory", WITHOUT_EMAIL).await;
    browser.tabs.run(0, &format!("void ({script})"));
    assert_eq!(browser.tabs.run(0, "client.supportsPasskeys()"), is_supported);
    let unsupported = json!({ "kind": "NoPasskey", "reason": "notSupported" });
    assert_eq!(browser.tabs.run(0, "keys.signup({ username: 'ada' })"), unsupported);
    assert_eq!(browser.tabs.run(0, "keys.login()"), unsupported);
    let created = browser.tabs.act("authenticator", Some(0), true);
    assert_eq!(created.as_array().map(Vec::len), Some(ceremonies));
    // the suggestions are silently missing, and the rest works
    browser.tabs.run(0, "void keys.autofill(() => {})()");
    browser.app.sign_up(EMAIL).await;
    browser.login(0, EMAIL);
    assert_eq!(browser.tabs.act("complaints", Some(0), Value::Null), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_at_a_numeric_address_is_the_wrong_site() {
    let mut browser = Browser::start(TestApp::with(Sqlite, WITHOUT_EMAIL).await, "memory");
    open(&mut browser);
    let wrong = json!({ "kind": "NoPasskey", "reason": "wrongSite" });
    assert_eq!(browser.tabs.run(0, "keys.signup({ username: 'ada' })"), wrong);
    assert_eq!(browser.tabs.run(0, "keys.login()"), wrong);
}
