//! The TypeScript client asks for a recent proof and repeats the request that needed it.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    support::client::{Browser, HALF_AN_HOUR},
    support::{EMAIL, PASSWORD, Sqlite, TestApp},
};

/// Longer than a proof counts as recent, and shorter than the lifetime of an access token.
const STALE: Duration = Duration::from_mins(11);

/// Changes a username, which needs a recent proof, without waiting for the outcome.
pub(crate) fn rename(username: &str, outcome: &str) -> String {
    format!("void (window.{outcome} = gatehouse.updateProfile({{ username: '{username}' }}))")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_needs_a_proof_is_repeated_once_the_proof_is_given(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let count = if keep == "memory" { 1 } else { 2 };
    let mut browser = Browser::signed_in(Sqlite, keep, count).await;
    browser.app.advance(STALE);
    // two requests that are refused at the same time share one proof
    browser.tabs.run(0, &rename("ada", "first"));
    browser.tabs.run(0, &rename("lovelace", "second"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["PASSWORD"]));
    browser.tabs.run(0, &format!("asked.give({})", json!({ "password": PASSWORD })));
    browser.tabs.run(0, "void Promise.all([first, second]).then((all) => { window.all = all; })");
    browser.tabs.act("wait", Some(0), "window.all");
    assert_eq!(browser.tabs.run(0, "all.map(({ kind }) => kind)"), json!(["User", "User"]));
    assert_eq!(browser.tabs.run(0, "asked.times"), 1);
    assert_eq!(browser.tabs.run(0, "gatehouse.state().session.methods"), json!(["PASSWORD"]));
    assert_eq!((browser.tabs.count("reauthenticate"), browser.tabs.count("refresh")), (1, 0));
    // the session continues
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), vec![EMAIL; count]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_given_in_one_tab_counts_in_all(#[values("cookie", "localStorage")] keep: &'static str) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    browser.app.advance(STALE);
    let id = browser.tabs.run(0, "gatehouse.startReauthentication()")["id"].clone();
    let proof = json!({ "password": PASSWORD });
    let proven = browser.tabs.run(0, &format!("gatehouse.reauthenticate({id}, {proof})"));
    assert_eq!(proven["kind"], "Reauthenticated", "{proven}");
    let token = proven["accessToken"].clone();
    let heard = format!("gatehouse.accessToken().then((token) => {{ window.isHeard = token === {token}; }})");
    browser.tabs.act("wait", Some(1), format!("{heard}, window.isHeard"));
    let renamed = browser.tabs.run(1, "gatehouse.updateProfile({ username: 'byron' })");
    assert_eq!(renamed["username"], "byron", "{renamed}");
    assert_eq!(browser.tabs.count("refresh"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_wrong_proof_the_client_asks_again_and_without_a_proof_it_repeats_nothing() {
    let mut browser = Browser::signed_in(Sqlite, "cookie", 1).await;
    browser.app.advance(STALE);
    browser.tabs.run(0, &rename("ada", "outcome"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.refusal ?? null"), Value::Null);
    browser.tabs.run(0, "asked.give({ password: 'another one' })");
    browser.tabs.act("wait", Some(0), "asked.times === 2");
    assert_eq!(browser.tabs.run(0, "asked.request.refusal.code"), "INVALID_CREDENTIALS");
    browser.tabs.run(0, "asked.give(null)");
    assert_eq!(browser.tabs.run(0, "outcome")["code"], "REAUTHENTICATION_REQUIRED");
    assert_eq!(browser.tabs.count("updateProfile"), 1);

    // the client does not ask forever
    browser.tabs.run(0, &rename("ada", "outcome"));
    for times in 3..8 {
        browser.tabs.act("wait", Some(0), format!("asked.times === {times}"));
        browser.tabs.run(0, "asked.give({ password: 'another one' })");
    }
    assert_eq!(browser.tabs.run(0, "outcome")["code"], "REAUTHENTICATION_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_password_reauthenticates_with_a_code() {
    let mut browser = Browser::start(TestApp::start(Sqlite).await, "cookie");
    browser.app.sign_up(EMAIL).await;
    browser.open(0);
    browser.tabs.run(0, &format!("gatehouse.requestLoginCode({})", json!(EMAIL)));
    let input = json!({ "email": EMAIL, "otp": browser.app.code(EMAIL).await });
    let proven = browser.tabs.run(0, &format!("gatehouse.verifyOtp({input})"));
    assert_eq!(proven["user"]["hasPassword"], false, "a stranger may have chosen the password: {proven}");
    browser.app.advance(STALE);
    let input = json!({ "newPassword": "battery horse correct" });
    browser.tabs.run(0, &format!("void (window.changed = gatehouse.changePassword({input}))"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["EMAIL_CODE"]));
    assert_eq!(browser.tabs.run(0, "asked.request.sendCode()")["purpose"], "REAUTHENTICATION");
    let code = json!({ "emailCode": browser.app.code(EMAIL).await });
    browser.tabs.run(0, &format!("asked.give({code})"));
    assert_eq!(browser.tabs.run(0, "changed")["kind"], "PasswordChanged");
}
