//! Second factors in the demonstration app: how people set up an authenticator app, and sign in with it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp,
    demo::{STALE, Visit, press, press_saved},
    second_factors::Authenticator,
};

const CODE_STEP: &str = "Enter the code from your authenticator app";

/// Signs up a user with a verified email address, and signs in.
async fn signed_in(settings: &[(&str, &str)]) -> Visit {
    let mut visit = Visit::with(settings).await;
    visit.app.sign_up_proven(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    visit
}

/// Sets up an authenticator app on the page for security. Returns it with the recovery codes.
pub(crate) async fn set_up(visit: &mut Visit, email: &str) -> (Authenticator, Vec<String>) {
    visit.tabs.run(0, "void (location.hash = '/security')");
    visit.sees("Security");
    press(visit, "Set up an authenticator app");
    visit.reads("Confirm that it’s you");
    press(visit, "Email me a code");
    visit.reads("We sent it to");
    visit.fill("Code", &visit.app.code(email).await);
    visit.enter();
    visit.sees("Set up an authenticator app");
    let secret = visit.tabs.run(0, "document.querySelector('.key code').innerText");
    let authenticator = Authenticator::new(secret.as_str().unwrap());
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Save your recovery codes");
    let codes =
        visit.tabs.run(0, "[...document.querySelectorAll('.codes code')].map((code) => code.innerText)");
    press_saved(visit);
    (authenticator, serde_json::from_value(codes).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_app_is_set_up_used_and_removed_by_keyboard_alone() {
    let mut visit = signed_in(&[]).await;
    press(&mut visit, "Security");
    visit.sees("Security");
    visit.reads("not set up");
    visit.is_sound("security without an app");
    let (authenticator, codes) = set_up(&mut visit, EMAIL).await;
    visit.reads("You have 10 codes left.");
    visit.is_sound("security with an app");

    press(&mut visit, "Sign out");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(CODE_STEP);
    visit.is_sound("the step for the code");
    visit.fill("6-digit code", "abc");
    visit.enter();
    visit.reads("This code is wrong or was already used.");
    assert_eq!(visit.focus(), "otp");
    assert_eq!(visit.tabs.act("axe", Some(0), Value::Null), json!([]));
    // a reload does not lose the step
    visit.tabs.act("reload", Some(0), Value::Null);
    visit.sees(CODE_STEP);
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    // the page that the user signed out on
    visit.sees("Security");

    press(&mut visit, "Sign out");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(CODE_STEP);
    press(&mut visit, "Use a recovery code instead");
    visit.sees("Enter a recovery code");
    visit.is_sound("the step for the recovery code");
    visit.fill("Recovery code", &codes[0].to_lowercase());
    visit.enter();
    visit.sees("Security");
    visit.reads("You have 9 codes left.");

    visit.app.advance(STALE);
    press(&mut visit, "Remove the app");
    press(&mut visit, "Remove the authenticator app");
    visit.reads("Confirm that it’s you");
    visit.is_sound("the dialog with a code");
    visit.fill("Code from your authenticator app", "000000");
    visit.enter();
    visit.reads("This code is wrong or was already used.");
    visit.fill("Code from your authenticator app", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.reads("not set up");
    press(&mut visit, "Sign out");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_can_be_copied_downloaded_and_replaced() {
    let mut visit = signed_in(&[]).await;
    let (authenticator, codes) = set_up(&mut visit, EMAIL).await;
    visit.app.advance(STALE);
    press(&mut visit, "Get new codes");
    press(&mut visit, "Replace the recovery codes");
    visit.reads("Confirm that it’s you");
    press(&mut visit, "Use a recovery code");
    visit.fill("Recovery code", &codes[9]);
    visit.enter();
    visit.sees("Save your recovery codes");
    visit.is_sound("the recovery codes");
    let text =
        "[...document.querySelectorAll('.codes code')].map((code) => code.innerText).join('\\n') + '\\n'";
    let file = "decodeURIComponent(document.querySelector('[download]').href.split(',')[1])";
    assert_eq!(visit.tabs.run(0, file), visit.tabs.run(0, text));
    visit.tabs.run(0, "void (navigator.clipboard.writeText = async (text) => { window.copied = text; })");
    press(&mut visit, "Copy");
    visit.reads("Copied.");
    assert_eq!(visit.tabs.run(0, "window.copied"), visit.tabs.run(0, text));
    visit.tabs.run(
        0,
        "void (navigator.clipboard.writeText = async () => { throw new DOMException('', 'NotAllowedError'); })",
    );
    press(&mut visit, "Copy");
    visit.reads("Select the text and copy it yourself.");
    assert_eq!(
        visit.tabs.run(0, "[...document.querySelectorAll('button')].at(-1).disabled"),
        true,
        "until they are saved"
    );
    press_saved(&mut visit);
    visit.reads("You have 10 codes left.");

    // another phone replaces the app
    press(&mut visit, "Use another app or phone");
    visit.app.advance(STALE);
    press(&mut visit, "Set up another app");
    visit.reads("Confirm that it’s you");
    visit.fill("Code from your authenticator app", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Set up an authenticator app");
    visit.is_sound("the QR code");
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.reads("This code is wrong");
    press(&mut visit, "Cancel");
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn emailed_codes_and_links_lead_to_the_second_factor() {
    let mut visit = signed_in(&[("RESEND_COOLDOWN", "1s")]).await;
    let (authenticator, _) = set_up(&mut visit, EMAIL).await;
    press(&mut visit, "Sign out");
    visit.sees("Sign in");
    visit.open(0, "#/email-code");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.sees("Check your email");
    visit.fill("8-digit code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees(CODE_STEP);
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Profile");
    press(&mut visit, "Sign out");
    visit.sees("Sign in");
    for (account, title) in [("eve@example.org", "Do not trust this link"), (EMAIL, "Profile")] {
        visit.app.advance(Duration::from_secs(2));
        visit.app.request_login_code(EMAIL).await;
        let link = visit.app.link(EMAIL).await;
        let (token, _) = link.split_once("token=").unwrap().1.split_once('&').unwrap();
        visit.open(0, &format!("#/sign-in?token={token}&account={account}"));
        press(&mut visit, &format!("Sign in as {account}"));
        visit.sees(CODE_STEP);
        visit.fill("6-digit code", &authenticator.next_code(&visit.app));
        visit.enter();
        visit.sees(title);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_lead_to_the_second_factor_too() {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let mut visit = Visit::of(app);
    press(&mut visit, "Sign in with Google");
    visit.choose_at_google("Grace Hopper");
    visit.sees("Profile");
    let (authenticator, _) = set_up(&mut visit, "grace@navy.example").await;
    press(&mut visit, "Sign out");
    visit.sees("Sign in");
    press(&mut visit, "Sign in with Google");
    visit.choose_at_google("Grace Hopper");
    visit.sees(CODE_STEP);
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Security");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_too_long_a_wait_the_sign_in_starts_again() {
    let mut visit = signed_in(&[]).await;
    let (authenticator, _) = set_up(&mut visit, EMAIL).await;
    press(&mut visit, "Sign out");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(CODE_STEP);
    visit.app.advance(STALE);
    visit.fill("6-digit code", &authenticator.next_code(&visit.app));
    visit.enter();
    visit.sees("Sign in");
    visit.reads("Your sign-in has expired. Start again.");
    visit.log_in(EMAIL, PASSWORD);
    visit.sees(CODE_STEP);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_must_have_a_second_factor_are_led_to_its_set_up() {
    let mut visit = signed_in(&[("SECOND_FACTOR", "required")]).await;
    visit.fill("Name", "Ada Lovelace");
    visit.enter();
    visit.sees("Security");
    visit.reads("Add a passkey or set up an authenticator app first.");
    visit.is_sound("the required set-up");
    set_up(&mut visit, EMAIL).await;
    press(&mut visit, "Profile");
    visit.sees("Profile");
    visit.fill("Name", "Ada Lovelace");
    visit.enter();
    visit.reads("Your profile is saved.");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_who_must_have_a_second_factor_are_led_to_its_set_up_from_any_page() {
    let mut visit = Visit::with(&[("SECOND_FACTOR", "staff")]).await;
    visit.app.sign_up_as("staff", EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    press(&mut visit, "Users");
    visit.sees("Security");
    visit.reads("Add a passkey or set up an authenticator app first.");
    // the address must be confirmed first
    press(&mut visit, "confirm your email address");
    visit.sees("Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn superusers_can_reset_the_second_factor_of_a_person() {
    let mut visit = signed_in(&[]).await;
    set_up(&mut visit, EMAIL).await;
    press(&mut visit, "Sign out");
    visit.app.sign_up_as("superuser", "root@example.org").await;
    visit.log_in("root@example.org", PASSWORD);
    visit.sees("Security");
    press(&mut visit, "Users");
    visit.reads("authenticator app");
    press(&mut visit, "authenticator app");
    visit.is_sound("users with a second factor");
    press(&mut visit, "Reset");
    visit.tabs.act("wait", Some(0), "!document.querySelector('tbody details')");
    assert_eq!(visit.app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_an_email_address_confirm_with_their_password() {
    let mut visit = Visit::with(&[NO_VERIFICATION, ("EMAIL_REQUIRED", "false")]).await;
    visit.app.signup(json!({ "username": "ada", "password": PASSWORD })).await;
    visit.log_in("ada", PASSWORD);
    visit.sees("Profile");
    visit.app.advance(STALE);
    visit.open(0, "#/security");
    press(&mut visit, "Set up an authenticator app");
    visit.reads("Confirm that it’s you");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.sees("Set up an authenticator app");
}
