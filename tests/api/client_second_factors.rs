//! The TypeScript client signs in with a second factor, and manages second factors.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    EMAIL, PASSWORD, Sqlite, TestApp,
    client::{Browser, HALF_AN_HOUR},
    second_factors::Authenticator,
};

/// An expression that returns who accepts the access token.
const AUDIENCE: &str = "gatehouse.accessToken().then((token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).aud)";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_client_signs_in_with_a_second_factor_that_it_has_set_up(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let app = TestApp::with(Sqlite, &[("SECOND_FACTOR", "required")]).await;
    let audience = json!(app.app.config.tokens.audience);
    let mut browser = Browser::start(app, keep);
    let elsewhere = browser.app.sign_up_proven(EMAIL).await;
    browser.open(0);
    browser.login(0, EMAIL);
    assert_ne!(browser.tabs.run(0, AUDIENCE), audience, "other services refuse a user who must enroll");
    browser.tabs.run(0, "void (window.factors = client.secondFactors(gatehouse))");
    browser.tabs.run(0, "void (window.started = factors.startTotpEnrolment())");
    browser.tabs.act("wait", Some(0), "window.asked");
    browser.tabs.run(0, "asked.request.sendCode()");
    let code = json!({ "emailCode": browser.app.code(EMAIL).await });
    browser.tabs.run(0, &format!("asked.give({code})"));
    let started = browser.tabs.run(0, "started");
    assert_eq!(started["kind"], "TotpEnrolment", "{started}");
    let authenticator = Authenticator::new(started["secret"].as_str().unwrap());
    let (id, code) = (&started["id"], json!(authenticator.next_code(&browser.app)));
    let finished = browser.tabs.run(0, &format!("factors.finishTotpEnrolment({id}, {code})"));
    assert_eq!(finished["recoveryCodes"].as_array().map(Vec::len), Some(10), "{finished}");
    assert_eq!(browser.app.me(&elsewhere.access_token).await, "REVOKED");
    let known = "(({ secondFactors, recoveryCodesLeft }) => [secondFactors, recoveryCodesLeft])(gatehouse.state().user)";
    assert_eq!(browser.tabs.run(0, known), json!([["TOTP", "RECOVERY_CODE"], 10]));
    assert_eq!(browser.tabs.run(0, AUDIENCE), audience);
    // the code that finished the enrollment counts as a recent proof
    let finished = browser.tabs.run(0, "factors.regenerateRecoveryCodes()");
    assert_eq!(finished["recoveryCodes"].as_array().map(Vec::len), Some(10), "{finished}");
    assert_eq!((browser.tabs.run(0, "asked.times"), browser.ask()), (json!(1), vec![json!(EMAIL)]));

    browser.tabs.run(0, "gatehouse.logout()");
    let input = json!({ "identifier": EMAIL, "password": PASSWORD });
    let challenge = browser.tabs.run(0, &format!("gatehouse.login({input})"));
    assert_eq!(challenge["kind"], "SecondFactorChallenge", "{challenge}");
    assert_eq!(browser.states(), ["signedOut"]);
    let mut prove = |proof: Value| {
        browser.tabs.run(0, &format!("gatehouse.verifySecondFactor({}, {proof})", challenge["id"]))
    };
    assert_eq!(prove(json!({ "totp": "000000" }))["code"], "INVALID_OTP");
    let recovered = prove(json!({ "recoveryCode": finished["recoveryCodes"][0] }));
    assert_eq!(recovered["kind"], "AuthPayload", "{recovered}");
    assert_eq!(browser.states(), [EMAIL]);
    assert_eq!(browser.tabs.run(0, known), json!([["TOTP", "RECOVERY_CODE"], 9]));
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), [EMAIL], "the session was refreshed");

    // for an account with a factor, that factor alone confirms the identity
    browser.tabs.run(0, "void (window.asked = undefined, window.removed = factors.removeTotp())");
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["TOTP", "RECOVERY_CODE"]));
    let code = json!({ "totp": authenticator.next_code(&browser.app) });
    browser.tabs.run(0, &format!("asked.give({code})"));
    assert_eq!(browser.tabs.run(0, "removed")["kind"], "User");
    assert_eq!(browser.tabs.run(0, known), json!([[], 0]));
}
