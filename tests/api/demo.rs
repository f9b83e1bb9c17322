//! The demonstration app of `playground/app`, as people use it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    support::demo::{NEW, Visit},
    support::{Answer, EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_loads_nothing_from_other_origins_and_runs_no_inline_scripts() {
    let app = TestApp::start(Sqlite).await;
    let answer = Answer::of(app.http.get(format!("{}/demo", app.url))).await;
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert!(answer.text.contains("<div id=\"root\">") && !answer.text.contains("//"), "{}", answer.text);
    let off = TestApp::with(Sqlite, &[("PLAYGROUND", "off")]).await;
    assert_eq!(Answer::of(off.http.get(format!("{}/demo", off.url))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_signs_up_verifies_the_address_and_signs_out_by_keyboard_alone() {
    let mut visit = Visit::with(&[]).await;
    visit.tab_to("Sign up");
    visit.enter();
    visit.sees("Sign up");
    assert_eq!(visit.focus(), "H1");
    visit.fill("Email address", EMAIL);
    visit.fill("Username (optional)", "ada");
    visit.reads("Available");
    visit.fill("Password", "short");
    visit.enter();
    visit.reads("must have at least 8 characters");
    assert_eq!(visit.focus(), "password");
    visit.tabs.act("press", Some(0), "Control+a");
    visit.tabs.act("type", Some(0), PASSWORD);
    visit.enter();

    visit.sees("Check your email");
    visit.reads("Didn’t get it?");
    visit.fill("8-digit code", "00000000");
    visit.enter();
    visit.reads("This code is wrong");
    visit.fill("8-digit code", &visit.app.code(EMAIL).await);
    visit.enter();
    visit.sees("Profile");
    visit.reads("confirmed");

    visit.fill("Name", "Ada Lovelace");
    visit.enter();
    visit.reads("Your profile is saved.");
    visit.tab_to("Password");
    visit.enter();
    visit.sees("Change your password");
    visit.fill("Current password", PASSWORD);
    visit.fill("New password", NEW);
    visit.enter();
    visit.reads("Your new password is set.");
    visit.tab_to("Sign out");
    visit.enter();
    visit.log_in("ADA", NEW);
    visit.sees("Change your password");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_can_be_signed_out_from_the_list() {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    let elsewhere = visit.app.sign_up(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    visit.tab_to("Sessions");
    visit.enter();
    visit.reads("this device");
    visit.tab_to("Sign out device");
    visit.enter();
    visit.tabs.act("wait", Some(0), "document.querySelectorAll('.list li').length === 1");
    assert_eq!(visit.app.me(&elsewhere.access_token).await, "REVOKED");
    // a new session appears without a reload
    let elsewhere = visit.app.sign_in(EMAIL).await;
    visit.tabs.act("wait", Some(0), "document.querySelectorAll('.list li').length === 2");
    visit.tab_to("Sign out everywhere");
    visit.enter();
    visit.sees("Sign in");
    assert_eq!(visit.app.me(&elsewhere.access_token).await, "REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_can_search_and_page_through_users() {
    let mut visit = Visit::with(&[NO_VERIFICATION, ("RATE_LIMITS", "off")]).await;
    visit.app.sign_up_as("staff", EMAIL).await;
    for number in 0..45 {
        visit.app.sign_up(&format!("person{number}@example.org")).await;
    }
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    visit.tab_to("Users");
    visit.enter();
    visit.reads("46 users");
    for (last, goes_on) in [("person25@", true), ("person5@", true), ("ada@", false)] {
        let is_shown = format!("document.querySelector('tbody tr:last-child').innerText.includes('{last}')");
        visit.tabs.act("wait", Some(0), is_shown);
        if goes_on {
            visit.tab_to("Older");
            visit.enter();
        }
    }
    visit.is_sound("users");
    visit.fill("Search", "person4");
    visit.reads("6 users with a name, username or email address that starts with “person4”");
    visit.fill("Search", "nobody at all");
    visit.reads("0 users");
}

#[rstest]
#[case::log_in("/login", false)]
#[case::sign_up("/signup", false)]
#[case::forgotten_password("/forgotten-password", false)]
#[case::email_code("/email-code", false)]
#[case::reset_password("/reset-password?token=x", false)]
#[case::activate("/activate?token=x", false)]
#[case::expired("/login?expired", false)]
#[case::sign_in_link("/sign-in?token=x&account=ada%40example.org", false)]
#[case::profile("/profile", true)]
#[case::password("/password", true)]
#[case::security("/security", true)]
#[case::sessions("/sessions", true)]
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_on_any_device(#[case] path: &str, #[case] signed_in: bool) {
    let mut visit = Visit::with(&[]).await;
    if signed_in {
        visit.app.sign_up(EMAIL).await;
        visit.log_in(EMAIL, PASSWORD);
        visit.sees("Profile");
    }
    visit.tabs.run(0, &format!("void (location.hash = '{path}')"));
    visit.tabs.run(0, "new Promise((wait) => { setTimeout(wait, 300); })");
    visit.is_sound(path);
    // the same with error messages on the page
    if !signed_in {
        visit.tabs.run(0, "document.querySelector('form').requestSubmit()");
        visit.tabs.act("wait", Some(0), "document.querySelector('.fault, .notice')");
        let complaints = visit.tabs.act("axe", Some(0), Value::Null);
        assert_eq!(complaints, json!([]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_a_username_can_save_their_profile() {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    visit.app.sign_up(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    for (name, text) in
        [("Name", "Ada"), ("About you", "Notes"), ("Name", ""), ("Username", " "), ("About you", "")]
    {
        visit.sees("Profile");
        visit.tabs.act("reload", Some(0), Value::Null);
        visit.sees("Profile");
        visit.fill(name, text);
        if text.is_empty() {
            visit.tabs.act("press", Some(0), "Backspace");
        }
        visit.tab_to("Save");
        visit.enter();
        visit.reads("Your profile is saved.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_current_password_is_reported_at_its_field() {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    visit.app.sign_up(EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    visit.tab_to("Change email");
    visit.enter();
    visit.fill("New email address", "lovelace@example.org");
    visit.fill("Password", NEW);
    visit.enter();
    visit.reads("Incorrect password.");
    assert_eq!(visit.focus(), "currentPassword");
    visit.open(0, "#/password");
    visit.fill("Current password", NEW);
    visit.fill("New password", "something else entirely");
    visit.enter();
    visit.reads("Incorrect password.");
    assert_eq!(visit.focus(), "currentPassword");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_users_does_not_break_words() {
    let mut visit = Visit::with(&[NO_VERIFICATION]).await;
    for name in 0..3 {
        visit.app.sign_up(&format!("{name}.{}@example.org", "a-long-name".repeat(5))).await;
    }
    visit.app.sign_up_as("superuser", EMAIL).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");
    visit.open(0, "#/users");
    visit.reads("superuser");
    for width in [360, 700, 1100] {
        visit.tabs.act("look", Some(0), json!([width, "light"]));
        // finds words that take more than one line
        let broken = "[...document.querySelectorAll('thead th, td:nth-child(3), td:nth-child(4), .tag, button, nav a')]
            .filter((at) => at.checkVisibility()).flatMap((at) => [...at.childNodes]).filter((node) => node.nodeType === 3)
            .flatMap((node) => [...node.data.matchAll(/[^\\s-]+/g)].map(({ 0: word, index }) => {
                const range = document.createRange();
                range.setStart(node, index);
                range.setEnd(node, index + word.length);
                return range.getClientRects().length > 1 ? word : undefined;
            })).filter(Boolean)";
        assert_eq!(visit.tabs.run(0, broken), json!([]), "at {width}");
    }
    visit.is_sound("the list of users");
}
