//! The demonstration app of `playground/app`, as people use it.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp, tabs::Tabs};

const NEW: &str = "battery horse correct";

/// Longer than a proof is good for.
const STALE: Duration = Duration::from_mins(11);

/// A person at the app, in so many tabs.
struct Visit {
    app: TestApp,
    tabs: Tabs,
}

impl Visit {
    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(TestApp::with(Sqlite, settings).await)
    }

    fn of(app: TestApp) -> Self {
        let mut visit = Self { app, tabs: Tabs::start() };
        visit.open(0, "");
        visit
    }

    fn open(&mut self, tab: usize, path: &str) {
        let url = format!("{}/demo{path}", self.app.url);
        self.tabs.act("open", Some(tab), url);
        self.tabs.act("wait", Some(tab), "document.querySelector('h1')?.textContent.match(/[a-z]$|[?]$/)");
    }

    /// Waits until all tabs show a title.
    fn sees(&mut self, title: &str) {
        let is = format!("document.querySelector('h1')?.textContent === {}", json!(title));
        self.tabs.act("wait", None, is);
    }

    /// Waits until the first tab shows a text.
    fn reads(&mut self, text: &str) {
        let is = format!("document.body.innerText.includes({})", json!(text));
        self.tabs.act("wait", Some(0), is);
    }

    /// Goes on by Tab until a control of this name has the focus.
    fn tab_to(&mut self, name: &str) {
        let named =
            "(() => { const { activeElement: at } = document; return (at.labels?.[0] ?? at).innerText; })()";
        for _ in 0..40 {
            self.tabs.act("press", Some(0), "Tab");
            if self.tabs.run(0, named) == name {
                return;
            }
        }
        panic!("{name} cannot be reached by Tab");
    }

    fn fill(&mut self, name: &str, text: &str) {
        self.tab_to(name);
        self.tabs.act("press", Some(0), "Control+a");
        self.tabs.act("type", Some(0), text);
    }

    fn enter(&mut self) {
        self.tabs.act("press", Some(0), "Enter");
    }

    fn log_in(&mut self, identifier: &str, password: &str) {
        self.sees("Sign in");
        self.fill("Username or email address", identifier);
        self.fill("Password", password);
        self.enter();
    }

    /// Presses a button of the stand-in for Google.
    fn choose_at_google(&mut self, person: &str) {
        self.reads("This is no Google");
        self.tabs.run(0, &format!("void [...document.querySelectorAll('button')].find((at) => at.innerText.includes('{person}')).click()"));
    }

    /// Where the focus is.
    fn focus(&mut self) -> Value {
        self.tabs.run(0, "document.activeElement.name || document.activeElement.tagName")
    }

    /// Nothing that axe finds serious, nothing beyond the edge of a phone, nothing that the browser complains of.
    fn is_sound(&mut self, page: &str) {
        for scheme in ["light", "dark"] {
            for width in [360, 1100] {
                self.tabs.act("look", Some(0), json!([width, scheme]));
                assert_eq!(
                    self.tabs.act("axe", Some(0), Value::Null),
                    json!([]),
                    "{page}, {scheme}, {width}"
                );
                let is_wide = "document.documentElement.scrollWidth > innerWidth";
                assert_eq!(self.tabs.run(0, is_wide), false, "{page} at {width}");
            }
        }
        assert_eq!(self.tabs.act("complaints", Some(0), Value::Null), json!([]), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
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
async fn a_newcomer_signs_up_proves_the_address_and_signs_out_by_keyboard_alone() {
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
    visit.reads("has at least 8 characters");
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
async fn a_forgotten_password_is_set_anew_by_the_link_in_a_mail() {
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
async fn where_an_address_must_be_proven_first_a_link_proves_it() {
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
async fn ten_tabs_wake_from_an_expired_token_and_sign_out_together(
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
async fn devices_are_signed_out_from_the_list() {
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
    // one that is new appears by itself
    let elsewhere = visit.app.sign_in(EMAIL).await;
    visit.tabs.act("wait", Some(0), "document.querySelectorAll('.list li').length === 2");
    visit.tab_to("Sign out everywhere");
    visit.enter();
    visit.sees("Sign in");
    assert_eq!(visit.app.me(&elsewhere.access_token).await, "REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_search_and_turn_the_pages_of_users() {
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
    visit.reads("6 users with a name or email address that starts with “person4”");
    visit.fill("Search", "nobody at all");
    visit.reads("0 users");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_google_and_back_out_of_it() {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let mut visit = Visit::of(app);
    for (person, seen) in [("Cancel", "Google did not sign you in."), ("Grace Hopper", "grace@navy.example")]
    {
        visit.tab_to("Sign in with Google");
        visit.enter();
        visit.choose_at_google(person);
        // back here, and no code is kept in the history
        visit.tabs.act("wait", Some(0), "location.pathname.startsWith('/demo') && location.search === ''");
        visit.reads(seen);
        if person == "Cancel" {
            visit.tab_to("Continue");
            visit.enter();
        }
    }
    // it is the only way in
    visit.reads("Linked with");
    visit.tab_to("Unlink");
    visit.enter();
    visit.reads("This is your only way to sign in.");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_code_and_set_a_password_at_once() {
    let mut visit = Visit::with(&[]).await;
    // a stranger may have: the address was never proven
    visit.app.sign_up(EMAIL).await;
    visit.tab_to("Email me a code");
    visit.enter();
    visit.sees("Sign in with a code");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.sees("Check your email");
    visit.reads("If the account exists");
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
async fn a_sign_in_link_is_for_the_account_that_it_names() {
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
async fn who_signs_in_by_the_link_of_the_mail_is_signed_in_here_too() {
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
async fn a_person_confirms_that_it_is_they_before_a_change() {
    let mut visit = Visit::with(&[]).await;
    let ada = visit.app.sign_up(EMAIL).await;
    let code = visit.app.code(EMAIL).await;
    visit.app.verify_as(&ada.access_token, EMAIL, &code, None).await;
    visit.log_in(EMAIL, PASSWORD);
    visit.sees("Profile");

    visit.app.advance(STALE);
    visit.fill("Username", "lovelace");
    visit.enter();
    visit.reads("Confirm that it is you");
    visit.is_sound("the dialog");
    visit.tabs.act("press", Some(0), "Escape");
    visit.reads("Nothing was changed.");
    visit.fill("Username", "lovelace");
    visit.enter();
    visit.reads("Confirm that it is you");
    visit.fill("Password", NEW);
    visit.enter();
    visit.reads("Incorrect password.");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.reads("Your profile is saved.");

    // by a code; and the address is changed by another, in this session
    visit.app.advance(STALE);
    visit.tab_to("Change email");
    visit.enter();
    visit.fill("New email address", "lovelace@example.org");
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.reads("Confirm that it is you");
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
async fn people_without_a_password_confirm_with_google() {
    let (app, _google) = TestApp::with_google(Sqlite, &[]).await;
    let mut visit = Visit::of(app);
    visit.tab_to("Sign in with Google");
    visit.enter();
    visit.choose_at_google("Grace Hopper");
    visit.sees("Profile");
    visit.app.advance(STALE);
    visit.fill("Username", "grace");
    visit.enter();
    visit.reads("Confirm that it is you");
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

#[rstest]
#[case::log_in("/login", false)]
#[case::sign_up("/signup", false)]
#[case::forgotten_password("/forgotten-password", false)]
#[case::email_code("/email-code", false)]
#[case::reset_password("/reset-password?token=x", false)]
#[case::activate("/activate?token=x", false)]
#[case::sign_in_link("/sign-in?token=x&account=ada%40example.org", false)]
#[case::profile("/profile", true)]
#[case::password("/password", true)]
#[case::sessions("/sessions", true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_for_everybody_on_any_device(#[case] path: &str, #[case] signed_in: bool) {
    let mut visit = Visit::with(&[]).await;
    if signed_in {
        visit.app.sign_up(EMAIL).await;
        visit.log_in(EMAIL, PASSWORD);
        visit.sees("Profile");
    }
    visit.tabs.run(0, &format!("void (location.hash = '{path}')"));
    visit.tabs.run(0, "new Promise((wait) => { setTimeout(wait, 300); })");
    visit.is_sound(path);
    // with what goes wrong shown too
    if !signed_in {
        visit.tabs.run(0, "document.querySelector('form').requestSubmit()");
        visit.tabs.act("wait", Some(0), "document.querySelector('.fault, .notice')");
        let complaints = visit.tabs.act("axe", Some(0), Value::Null);
        assert_eq!(complaints, json!([]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_without_a_username_save_their_profile() {
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
async fn a_wrong_current_password_is_told_at_its_field() {
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
async fn no_word_of_the_list_of_users_is_broken() {
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
        // the lines that a word takes
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
