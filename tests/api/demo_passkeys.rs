//! Passkeys in the demonstration app, with a virtual authenticator in a real browser.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    demo_second_factors::set_up,
    support::{
        Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp,
        demo::{STALE, Visit, at_localhost, press, press_saved},
    },
};

const PASSKEY_STEP: &str = "Confirm with your passkey";

async fn visit(database: Database, settings: &[(&str, &str)]) -> Visit {
    let mut visit = Visit::of(at_localhost(TestApp::with(database, settings).await));
    visit.tabs.act("authenticator", Some(0), true);
    visit
}

/// Opens the page to sign up, and chooses a passkey instead of a password.
fn choose_passkey(visit: &mut Visit, email: &str) {
    press(visit, "Sign up");
    visit.sees("Sign up");
    visit.fill("Email address", email);
    visit.tab_to("With a password");
    visit.tabs.act("press", Some(0), "ArrowDown");
}

/// Signs up with a passkey and a proven address, and saves the recovery codes.
async fn sign_up(visit: &mut Visit) {
    choose_passkey(visit, EMAIL);
    press(visit, "Sign up with a passkey");
    visit.sees("Check your email");
    visit.fill("8-digit code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees("Security");
    visit.reads("You have no recovery codes.");
    visit.is_sound("security without recovery codes");
    press(visit, "Create recovery codes");
    visit.sees("Save your recovery codes");
    press_saved(visit);
    visit.reads("You have 10 codes left.");
}

/// Signs out while nobody touches the authenticator, and waits until passkeys are in the autofill suggestions. An authenticator
/// whose user is present would choose one at once.
fn sign_out(visit: &mut Visit) {
    visit.tabs.act("touch", Some(0), false);
    visit.tabs.run(
        0,
        "void (window.offers = 0, window.get ??= CredentialsContainer.prototype.get, \
         CredentialsContainer.prototype.get = function (options) { window.offers += 1; return get.call(this, options); })",
    );
    press(visit, "Sign out");
    visit.sees("Sign in");
    visit.tabs.act("wait", Some(0), "window.offers > 0");
}

fn touch(visit: &mut Visit) {
    visit.tabs.act("touch", Some(0), true);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_password_signs_up_and_in_by_button_and_by_suggestion(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let mut visit = visit(database, &[]).await;
    sign_up(&mut visit).await;
    press(&mut visit, "Password");
    visit.reads("Your account has no password. It does not need one");
    press(&mut visit, "Security");
    visit.sees("Security");

    sign_out(&mut visit);
    visit.is_sound("the sign-in page");
    // the button works while the suggestions wait
    touch(&mut visit);
    press(&mut visit, "Sign in with a passkey");
    visit.sees("Security");
    visit.reads("on one device");
    visit.is_sound("security with a passkey");

    sign_out(&mut visit);
    touch(&mut visit);
    visit.tabs.act("reload", Some(0), Value::Null);
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn suggestions_that_expire_are_offered_again() {
    let mut visit = visit(Sqlite, &[]).await;
    sign_up(&mut visit).await;
    visit.tabs.act("clock", Some(0), 0);
    // which waits for the suggestions, because a jump of the clock would end their request by its time limit
    sign_out(&mut visit);
    touch(&mut visit);
    visit.tabs.act("pass", Some(0), 3600);
    visit.sees("Security");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_used_after_the_password_renamed_and_removed_by_keyboard_alone(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let mut visit = visit(database, &[]).await;
    visit.app.sign_up_proven(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    press(&mut visit, "Security");
    visit.sees("Security");
    visit.is_sound("security without a passkey");
    visit.fill("Passkey name (optional)", "Laptop");
    press(&mut visit, "Add a passkey");
    visit.reads("Confirm that it’s you");
    press(&mut visit, "Email me a code");
    visit.reads("We sent it to");
    visit.fill("Code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees("Save your recovery codes");
    press_saved(&mut visit);
    visit.reads("Laptop");

    // the same device cannot have two passkeys
    press(&mut visit, "Add a passkey");
    visit.reads("already has a passkey for your account");

    sign_out(&mut visit);
    touch(&mut visit);
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(PASSKEY_STEP);
    visit.is_sound("the step for the passkey");
    visit.tabs.act("verifies", Some(0), false);
    press(&mut visit, "Use your passkey");
    visit.reads("No passkey was used.");
    visit.tabs.act("verifies", Some(0), true);
    press(&mut visit, "Use your passkey");
    visit.sees("Security");

    press(&mut visit, "Rename");
    visit.fill("New name", "Old laptop");
    visit.enter();
    visit.reads("Old laptop");

    // to add a passkey of another device, the dialog accepts the passkey of the first one
    visit.app.advance(STALE);
    press(&mut visit, "Remove");
    press(&mut visit, "Remove the passkey");
    visit.reads("Confirm that it’s you");
    visit.is_sound("the dialog with a passkey");
    press(&mut visit, "Confirm with your passkey");
    visit.tabs.act("wait", Some(0), "!document.body.innerText.includes('Old laptop')");
    assert_eq!(
        visit.tabs.act("authenticator", Some(0), true),
        json!([]),
        "the authenticator has forgotten it too"
    );
    sign_out(&mut visit);
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_passkey_is_added_with_the_first_and_replaces_it() {
    let mut visit = visit(Sqlite, &[]).await;
    sign_up(&mut visit).await;
    press(&mut visit, "Remove");
    press(&mut visit, "Remove the passkey");
    visit.reads("This is your only way to sign in.");

    visit.app.advance(STALE);
    visit.fill("Passkey name (optional)", "Security key");
    press(&mut visit, "Add a passkey");
    visit.reads("Confirm that it’s you");
    // the device is replaced between the proof and the new passkey
    visit.tabs.run(
        0,
        "void (window.create = CredentialsContainer.prototype.create, window.going = new Promise((go) => { window.go = go; }), \
         CredentialsContainer.prototype.create = async function (options) { window.waits = true; await going; return create.call(this, options); })",
    );
    press(&mut visit, "Confirm with your passkey");
    visit.tabs.act("wait", Some(0), "window.waits");
    let first = visit.tabs.act("authenticator", Some(0), true);
    assert_eq!(first.as_array().map(Vec::len), Some(1));
    visit.tabs.run(0, "void go()");
    visit.reads("Your passkey was added.");
    visit.reads("Security key");
    press(&mut visit, "Remove the passkey");
    visit.tabs.act("wait", Some(0), "document.querySelectorAll('.list li').length === 1");

    // the first one is no longer accepted, and the authenticator keeps it, because the owner may undo the removal
    let second = visit.tabs.act("authenticator", Some(0), first);
    sign_out(&mut visit);
    touch(&mut visit);
    press(&mut visit, "Sign in with a passkey");
    visit.reads("This passkey was not accepted.");
    let kept = visit.tabs.act("authenticator", Some(0), second);
    assert_eq!(kept.as_array().map(Vec::len), Some(1));
    press(&mut visit, "Sign in with a passkey");
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_authenticator_app_the_passkey_is_offered_first() {
    let mut visit = visit(Sqlite, &[]).await;
    visit.app.sign_up_proven(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    let (authenticator, _) = set_up(&mut visit, EMAIL).await;
    visit.app.advance(STALE);
    press(&mut visit, "Add a passkey");
    visit.reads("Confirm that it’s you");
    visit.fill("Code from your authenticator app", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.reads("Your passkey was added.");
    visit.reads("You have 10 codes left.");
    visit.is_sound("security with an app and a passkey");

    sign_out(&mut visit);
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(PASSKEY_STEP);
    visit.is_sound("the step for the passkey or a code");
    press(&mut visit, "Use your authenticator app instead");
    visit.sees("Enter the code from your authenticator app");
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Security");
    press(&mut visit, "Remove the app");
    press(&mut visit, "Remove the authenticator app");
    visit.reads("not set up");
    visit.reads("You have 10 codes left.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_is_cancelled_or_must_be_proven_first_can_be_continued() {
    let mut visit = visit(Sqlite, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    choose_passkey(&mut visit, EMAIL);
    visit.is_sound("the sign-up with a passkey");
    visit.tabs.act("verifies", Some(0), false);
    press(&mut visit, "Sign up with a passkey");
    visit.reads("No passkey was created.");
    visit.tabs.act("verifies", Some(0), true);
    press(&mut visit, "Sign up with a passkey");
    visit.sees("Check your email");
    visit.fill("8-digit code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.tabs.act(
        "wait",
        Some(0),
        format!("['Security', '{PASSKEY_STEP}'].includes(document.querySelector('h1').textContent)"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_at_a_numeric_address_lead_to_the_one_at_which_passkeys_work() {
    let mut visit = Visit::with(&[]).await;
    visit.app.sign_up_proven(EMAIL).await;
    visit.reads("Passkeys do not work at 127.0.0.1.");
    visit.is_sound("the sign-in page at a numeric address");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    press(&mut visit, "Security");
    visit.sees("Security");
    let there = visit.tabs.run(0, "document.querySelector('section a').href");
    assert_eq!(there, format!("{}/demo#/security", visit.app.url.replace("127.0.0.1", "localhost")));
}

#[rstest]
#[case::by_the_server(&[("PASSKEY_RP_ID", "off")], "0")]
#[case::by_the_browser(&[], "delete PublicKeyCredential.parseRequestOptionsFromJSON")]
#[tokio::test(flavor = "multi_thread")]
async fn without_support_nothing_about_passkeys_is_shown(
    #[case] settings: &[(&str, &str)],
    #[case] script: &str,
) {
    let mut visit = visit(Sqlite, settings).await;
    visit.tabs.run(0, &format!("void ({script})"));
    press(&mut visit, "Sign up");
    visit.sees("Sign up");
    press(&mut visit, "I already have an account");
    visit.sees("Sign in");
    assert_eq!(visit.tabs.run(0, "/passkey/i.test(document.body.innerText)"), false);
    assert_eq!(visit.tabs.act("complaints", Some(0), Value::Null), json!([]));
}
