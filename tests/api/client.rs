//! The TypeScript client of `playground/client`, in many tabs of a real browser.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    support::client::{Browser, HALF_AN_HOUR, SOMEBODY_WAITS},
    support::{
        EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp,
        node::{node, text},
    },
};

#[rstest]
#[case("cookie", EMAIL)]
#[case("localStorage", EMAIL)]
#[case("memory", "signedOut")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_survives_a_reload_unless_it_is_kept_in_memory(
    #[case] keep: &'static str,
    #[case] after: &str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 1).await;
    assert_eq!(
        browser.tabs.run(0, "Object.values(localStorage).join().includes('refreshToken')"),
        keep == "localStorage"
    );
    browser.tabs.act("reload", Some(0), Value::Null);
    browser.begin(0);
    browser.tabs.act("wait", None, "gatehouse.state().status !== 'resuming'");
    assert_eq!(browser.states(), [after]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_never_repeated_as_another_user(#[values("cookie", "localStorage")] keep: &'static str) {
    let mut browser = Browser::signed_in(Sqlite, keep, 3).await;
    browser.app.sign_up("grace@example.org").await;
    browser.app.advance(HALF_AN_HOUR);
    browser.hold_lock(2);
    let input = json!({ "identifier": "grace@example.org", "password": PASSWORD });
    browser.tabs.run(1, &format!("void (window.login = gatehouse.login({input}))"));
    browser.tabs.act("wait", Some(2), SOMEBODY_WAITS);
    let rename =
        "void (window.renamed = gatehouse.updateProfile({ name: 'Ada' }).catch((fault) => fault.code))";
    browser.tabs.run(0, rename);
    browser.tabs.act("wait", Some(2), "navigator.locks.query().then(({ pending }) => pending.length === 2)");
    browser.tabs.run(2, "letGo()");
    assert_eq!(browser.tabs.run(1, "login")["user"]["email"], "grace@example.org");
    assert_eq!(browser.tabs.run(0, "renamed"), "UNAUTHENTICATED");
    assert_eq!(browser.states(), ["grace@example.org"; 3]);
    assert_eq!(browser.tabs.run(1, "gatehouse.me().then((user) => user.name)"), Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_wrong_clock_refreshes_no_more_than_others(#[values(-1, 1)] days: i64) {
    let mut browser = Browser::start(TestApp::with(Sqlite, &[NO_VERIFICATION]).await, "memory");
    browser.app.sign_up(EMAIL).await;
    browser.tabs.act("clock", Some(0), days * 24 * 60 * 60);
    browser.open(0);
    browser.login(0, EMAIL);
    assert_eq!(browser.ask(), [EMAIL]);
    assert_eq!(browser.tabs.count("refresh"), 0);
    // the device sees that the token has expired, and refreshes it without waiting for a refusal
    browser.tabs.act("pass", Some(0), HALF_AN_HOUR.as_secs());
    assert_eq!(browser.ask(), [EMAIL]);
    assert_eq!((browser.tabs.count("refresh"), browser.tabs.count("me")), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_newer_than_the_client_become_unknown() {
    let mut browser = Browser::start(TestApp::with(Sqlite, &[NO_VERIFICATION]).await, "memory");
    browser.open(0);
    let outcome = |member: Value| format!("client.outcome({member})");
    assert_eq!(browser.tabs.run(0, &outcome(json!({}))), json!({ "kind": "unknown" }));
    let refused = |code: &str| json!({ "kind": "UserError", "code": code, "message": "No.", "fields": [] });
    assert_eq!(browser.tabs.run(0, &outcome(refused("NOT_FOUND"))), refused("NOT_FOUND"));
    assert_eq!(browser.tabs.run(0, &outcome(refused("TOO_EARLY"))), refused("unknown"));
    assert_eq!(browser.tabs.run(0, "new client.Fault('TEAPOT', '').code"), "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_has_a_function() {
    let mut browser = Browser::start(TestApp::start(Sqlite).await, "memory");
    browser.open(0);
    let types = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let schema = browser.app.run(types, json!({})).await.data("__schema");
    let fields = ["queryType", "mutationType"].map(|root| schema[root]["fields"].as_array().unwrap().clone());
    let all = "Object.keys({ ...gatehouse, ...client.secondFactors(gatehouse), ...client.loginLinks('', gatehouse) })";
    let functions = browser.tabs.run(0, all);
    // one function for each ceremony, which takes two root fields
    let of_passkeys = include_str!("../../playground/client/operations/passkeys.graphql");
    // the client refreshes by itself, knows its viewer, caches nothing by ID, and signs in with Google through
    // `providerLogin`
    let left_out = ["refresh", "viewer", "node", "googleLogin"];
    for field in fields.iter().flatten().filter(|field| left_out.iter().all(|name| field["name"] != *name)) {
        let is_of_passkeys = of_passkeys.contains(&format!("answer: {}", field["name"].as_str().unwrap()));
        assert!(is_of_passkeys || functions.as_array().unwrap().contains(&field["name"]), "{field}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verifying_while_signed_in_keeps_the_refresh_token(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = Browser::start(TestApp::start(Sqlite).await, keep);
    browser.open(0);
    let input = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(browser.tabs.run(0, &format!("gatehouse.signup({input})"))["kind"], "AuthPayload");
    let input = json!({ "email": EMAIL, "otp": browser.app.code(EMAIL).await });
    let proven = browser.tabs.run(0, &format!("gatehouse.verifyOtp({input})"));
    assert_eq!((&proven["kind"], &proven["refreshToken"]), (&json!("AuthPayload"), &Value::Null));
    assert_eq!(browser.tabs.run(0, "gatehouse.state().user.emailVerified"), true);
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), [EMAIL], "the session was refreshed");
    assert_eq!(browser.rotations().await, 1);
}

#[rstest]
#[case("cookie", true)]
#[case("localStorage", true)]
#[case("memory", false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_in_this_browser_keeps_its_password(#[case] keep: &'static str, #[case] by_link: bool) {
    let settings = [("EMAIL_VERIFICATION", "mandatory")];
    let mut browser = Browser::start(TestApp::with(Sqlite, &settings).await, keep);
    browser.open(0);
    let signup =
        |email: &str| format!("gatehouse.signup({})", json!({ "email": email, "password": PASSWORD }));
    assert_eq!(browser.tabs.run(0, &signup(EMAIL))["kind"], "EmailChallenge");
    let input = json!({ "email": "Ada@example.org", "otp": browser.app.code(EMAIL).await });
    let proven = browser.tabs.run(0, &format!("gatehouse.verifyOtp({input})"));
    assert_eq!(proven["user"]["hasPassword"], true, "{proven}");

    // links are opened in another tab
    let links = browser.app.another(&[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    let mut browser = Browser::start(links, keep);
    browser.open(0);
    browser.open(1);
    let email = "grace@example.org";
    assert_eq!(browser.tabs.run(0, &signup(email))["kind"], "EmailChallenge");
    let token = json!({ "token": browser.app.token(email).await });
    let proven = browser.tabs.run(1, &format!("gatehouse.activateAccount({token})"));
    assert_eq!(proven["user"]["hasPassword"], by_link, "{proven}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_started_by_another_page_of_the_site_is_adopted() {
    let mut browser = Browser::start(TestApp::with(Sqlite, &[NO_VERIFICATION]).await, "cookie");
    browser.app.sign_up(EMAIL).await;
    browser.open(0);
    browser.tabs.run(0, "gatehouse.adopt()");
    assert_eq!(browser.states(), ["signedOut"]);
    let query = format!(
        "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let headers = json!({ "content-type": "application/json", "x-token-delivery": "cookie" });
    let body = json!({ "query": query }).to_string();
    let options = json!({ "method": "POST", "headers": headers, "body": body });
    browser.tabs.run(0, &format!("fetch('/graphql', {options}).then((answer) => answer.text())"));
    assert_eq!(browser.states(), ["signedOut"], "the client has not checked yet");
    browser.tabs.run(0, "gatehouse.adopt()");
    assert_eq!(browser.states(), [EMAIL]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_the_client_starts_nothing_but_works_on_devices() {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    app.sign_up(EMAIL).await;
    let ran = node(&["no_page.mjs", &format!("{}/graphql", app.url), EMAIL, PASSWORD]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let rendered = seen["rendered"].as_object().unwrap();
    assert_eq!(rendered.len(), 12);
    for (place, states) in rendered {
        assert_eq!(*states, json!(["resuming", "resuming", "resuming"]), "{place}");
    }
    assert_eq!(seen["touched"], json!([]), "nothing was sent, opened or stored");
    assert_eq!(seen["states"], json!(["signedOut", "signedIn"]));
    assert_eq!((&seen["last"], &seen["email"]), (&json!("signedOut"), &json!(EMAIL)));
    assert_eq!(seen["event"], "PROFILE_CHANGED");
}
