//! The demonstration app signs in one device with a link that is opened on another.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    confirm_login_link::{Tab, confirm, token},
    pages_sign_in::proven,
    support::{EMAIL, Sqlite, TestApp, demo::Visit},
};

/// Requests a code in the first tab, and returns the number that it shows.
fn request(visit: &mut Visit) -> String {
    visit.tabs.run(0, "void (location.hash = '/email-code')");
    visit.sees("Sign in with a code");
    visit.fill("Email address", EMAIL);
    visit.enter();
    visit.sees("Check your email");
    visit.tabs.run(0, "document.querySelector('.number').textContent").as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waiting_tab_signs_itself_in() {
    let mut visit = Visit::with(&[]).await;
    proven(&visit.app, EMAIL).await;
    let number = request(&mut visit);
    visit.is_sound("the waiting tab");
    let link = confirm(&visit.app, &token(&visit.app, EMAIL).await, Some(&number), None).await;
    assert_eq!(link["isConfirmed"], true, "the tab shows the number of the link");
    visit.sees("Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waiting_tab_asks_for_the_second_factor() {
    let app = TestApp::start(Sqlite).await;
    app.sign_up_enrolled(EMAIL).await;
    app.advance(Duration::from_mins(2));
    let mut visit = Visit::of(app);
    let number = request(&mut visit);
    confirm(&visit.app, &token(&visit.app, EMAIL).await, Some(&number), None).await;
    visit.sees("Enter the code from your authenticator app");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_behind_a_link_offers_to_sign_in_where_it_was_requested() {
    let mut visit = Visit::with(&[("RESEND_COOLDOWN", "1s")]).await;
    proven(&visit.app, EMAIL).await;
    let mut tab = Tab::request(&visit.app, EMAIL).await;
    let token_elsewhere = token(&visit.app, EMAIL).await;
    visit.open(0, &format!("#/sign-in?token={token_elsewhere}&account={EMAIL}"));
    visit.reads("This link was requested elsewhere");
    let shown = "[...document.querySelectorAll('.number')].map((at) => at.textContent)";
    assert_eq!(visit.tabs.run(0, shown), json!([visit.app.code(EMAIL).await, tab.number]));
    visit.is_sound("the page behind a link");
    visit.tab_to("The numbers match. Sign in there");
    visit.enter();
    visit.sees("Continue on the other screen");
    let code = tab.code().await.unwrap();
    assert_eq!(visit.app.verify(EMAIL, &code, Some(&tab.id)).await["__typename"], "AuthPayload");

    // this browser requests the next link itself
    visit.app.advance(Duration::from_secs(2));
    visit.open(0, "");
    request(&mut visit);
    let here = token(&visit.app, EMAIL).await;
    visit.open(1, &format!("#/sign-in?token={here}&account={EMAIL}"));
    visit.tabs.act(
        "wait",
        Some(1),
        "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/graphql'))",
    );
    visit.tabs.run(1, "document.querySelector('button').click()");
    visit.tabs.act("hide", Some(0), Value::Bool(false));
    visit.sees("Profile");
}
