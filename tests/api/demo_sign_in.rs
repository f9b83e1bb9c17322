//! How people sign in to the demonstration app and confirm their identity.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    support::demo::{NEW, STALE, Visit},
    support::{EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_through_the_link_in_a_mail() {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    visit.app.sign_up(EMAIL).await;
    visit.tab_to("Forgot your password?");
    visit.enter();
    visit.sees("Forgot your password?");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.reads("a link is on its way");
    let link = visit.app.link(EMAIL).await;
    let token = link.split_once("token=").unwrap().1;
    visit.open(0, &format!("#/reset-password?token={token}"));
    visit.sees("Choose a new password");
    visit.fill("New password", NEW);
    visit.enter();
    visit.reads("Your new password is set.");
    visit.tab_to("Sign in");
    visit.enter();
    visit.log_in(EMAIL, NEW);
    visit.sees("Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mandatory_verification_a_link_verifies_the_address() {
    let settings = [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];
    let mut visit = Visit::with(&settings).await;
    visit.app.register(EMAIL, PASSWORD).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Check your email");
    let link = visit.app.link(EMAIL).await;
    let token = link.split_once("token=").unwrap().1;
    visit.open(0, &format!("#/activate?token={token}"));
    visit.sees("Confirm your email address");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.sees("Profile");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_with_an_expired_token_refresh_once_and_sign_out_together(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    visit.app.sign_up(EMAIL).await;
    visit.tabs.run(0, &format!("localStorage.setItem('demo keep', '{keep}')"));
    visit.tabs.act("reload", Some(0), Value::Null);
    visit.log_in(EMAIL, PASSWORD);
    let count = if keep == "memory" { 1 } else { 10 };
    for tab in 1..count {
        visit.open(tab, "#/profile");
    }
    visit.sees("Profile");
    let before = visit.tabs.count("refresh");
    visit.app.advance(Duration::from_mins(31));
    visit.tabs.run_all("void (location.hash = '/sessions')");
    visit.sees("Sessions");
    visit.tabs.act("wait", None, "document.querySelectorAll('.list li').length === 2");
    assert_eq!(visit.tabs.count("refresh"), before + 1);
    let sign_out = "document.querySelector('.who button').click()";
    visit.tabs.run(count / 2, sign_out);
    visit.sees("Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_can_sign_in_with_google_or_cancel() {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let mut visit = Visit::of(app);
    for (person, seen) in [
        ("Cancel", "You did not allow Google to confirm your identity."),
        ("Grace Hopper", "grace@navy.example"),
    ] {
        visit.tab_to("Sign in with Google");
        visit.enter();
        visit.choose_at_google(person);
        // back in the app, with no authorization code in the URL
        visit.tabs.act("wait", Some(0), "location.pathname.startsWith('/demo') && location.search === ''");
        visit.reads(seen);
        if person == "Cancel" {
            visit.tab_to("Continue");
            visit.enter();
        }
    }
    // Google is the user's only way to sign in
    visit.reads("Linked to");
    visit.tab_to("Unlink");
    visit.enter();
    visit.reads("This is your only way to sign in.");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_can_sign_in_with_a_code_and_set_a_password_at_once() {
    let mut visit = Visit::with(&[]).await;
    // a stranger may have signed up: the address was never verified
    visit.app.sign_up(EMAIL).await;
    visit.tab_to("Email me a code");
    visit.enter();
    visit.sees("Sign in with a code");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.sees("Check your email");
    visit.reads("We’ve sent a code and a link to");
    visit.fill("8-digit code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees("Set a password");
    visit.fill("New password", NEW);
    visit.enter();
    visit.sees("Change your password");
    visit.reads("Your new password is set.");
    assert_eq!(visit.app.login(EMAIL, NEW).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_link_signs_in_only_the_account_it_names() {
    let mut visit = Visit::with(&[("RESEND_COOLDOWN", "1s")]).await;
    let ada = visit.app.sign_up(EMAIL).await;
    let code = visit.app.code(EMAIL).await;
    visit.app.verify_as(&ada.access_token, EMAIL, &code, None).await;
    for (name, title) in [("eve@example.org", "Do not trust this link"), (EMAIL, "Profile")] {
        let request = format!("mutation {{ requestLoginCode(email: \"{EMAIL}\") {{ __typename }} }}");
        visit.app.run(&request, Value::Null).await;
        let link = visit.app.link(EMAIL).await;
        let (token, _) = link.split_once("token=").unwrap().1.split_once('&').unwrap();
        visit.open(0, &format!("#/sign-in?token={token}&account={name}"));
        visit.sees("Sign in");
        visit.tab_to(&format!("Sign in as {name}"));
        visit.enter();
        visit.sees(title);
        visit.app.advance(Duration::from_secs(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn following_the_link_in_another_tab_signs_in_this_tab_too() {
    let mut visit = Visit::with(&[]).await;
    let ada = visit.app.sign_up(EMAIL).await;
    let code = visit.app.code(EMAIL).await;
    visit.app.verify_as(&ada.access_token, EMAIL, &code, None).await;
    visit.tabs.run(0, "void (location.hash = '/email-code')");
    visit.sees("Sign in with a code");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.sees("Check your email");
    let link = visit.app.link(EMAIL).await;
    visit.tabs.act("open", Some(1), link);
    visit.tabs.run(1, "document.querySelector('button').click()");
    visit.tabs.act("wait", Some(1), "document.querySelector('h1').textContent === 'You are signed in'");
    visit.tabs.act("hide", Some(0), false);
    visit.tabs.act("wait", Some(0), "document.querySelector('h1').textContent === 'Profile'");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_confirm_their_identity_before_a_change() {
    let mut visit = Visit::with(&[]).await;
    let ada = visit.app.sign_up(EMAIL).await;
    let code = visit.app.code(EMAIL).await;
    visit.app.verify_as(&ada.access_token, EMAIL, &code, None).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");

    visit.app.advance(STALE);
    visit.fill("Username", "lovelace");
    visit.enter();
    visit.reads("Confirm that it’s you");
    visit.is_sound("the dialog");
    visit.tabs.act("press", Some(0), "Escape");
    visit.reads("Nothing was changed.");
    visit.fill("Username", "lovelace");
    visit.enter();
    visit.reads("Confirm that it’s you");
    visit.fill("Password", NEW);
    visit.enter();
    visit.reads("Incorrect password.");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.reads("Your profile is saved.");

    // one code confirms the identity, and another verifies the new address in this session
    visit.app.advance(STALE);
    visit.tab_to("Change email");
    visit.enter();
    visit.fill("New email address", "lovelace@example.org");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.reads("Confirm that it’s you");
    visit.tab_to("Email me a code");
    visit.enter();
    visit.reads("We sent it to");
    visit.fill("Code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees("Check your email");
    visit.fill("8-digit code", &visit.app.code("lovelace@example.org").await);
    visit.enter();
    visit.sees("Profile");
    visit.reads("lovelace@example.org confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_a_password_confirm_with_google() {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let mut visit = Visit::of(app);
    visit.tab_to("Sign in with Google");
    visit.enter();
    visit.choose_at_google("Grace Hopper");
    visit.sees("Profile");
    visit.app.advance(STALE);
    visit.fill("Username", "grace");
    visit.enter();
    visit.reads("Confirm that it’s you");
    visit.tab_to("Confirm with Google");
    visit.enter();
    visit.choose_at_google("Grace Hopper");
    visit.sees("Thank you");
    visit.tab_to("Continue");
    visit.enter();
    visit.sees("Profile");
    visit.fill("Username", "grace");
    visit.enter();
    visit.reads("Your profile is saved.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_does_not_know_second_factors_shows_what_the_server_says() {
    let mut visit = Visit::with(&[]).await;
    let message = "This account requires a second factor, which this app does not support.";
    for code in ["SECOND_FACTOR_REQUIRED", "UNHANDLED_RESULT", "NEWER"] {
        let error = json!({ "kind": "UserError", "code": code, "message": message, "fields": [] });
        let body = json!({ "data": { "answer": error } }).to_string();
        visit.tabs.run(0, &format!("void (window.fetch = async () => new Response({}))", json!(body)));
        visit.log_in(EMAIL, PASSWORD);
        visit.reads(message);
        visit.open(0, "#/signup");
        visit.open(0, "");
    }
}
