//! The TypeScript client and the events that the server sends.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use crate::{
    support::EMAIL,
    support::client::{Browser, is},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_elsewhere_ends_here_at_once(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = Browser::listening(&[], keep, 1).await;
    browser.end_elsewhere().await;
    let asked = browser.tabs.count("me");
    browser.tabs.act("wait", None, is("signedOut"));
    assert_eq!(
        (browser.tabs.count("me"), browser.tabs.count("refresh")),
        (asked, 0),
        "the tab sent no request"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_changed_elsewhere_is_shown_in_all_tabs() {
    let mut browser = Browser::listening(&[], "cookie", 2).await;
    let elsewhere = browser.app.sign_in(EMAIL).await.access_token;
    let rename = "mutation { updateProfile(input: { name: \"Ada L.\" }) { __typename } }";
    browser.app.run_as(&elsewhere, rename, json!({})).await;
    browser.tabs.act("wait", None, "gatehouse.state().user.name === 'Ada L.'");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tabs_keep_listening_after_their_access_token_expires(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::listening(&[("ACCESS_TOKEN_TTL", "6s")], keep, 2).await;
    let refreshed = browser.tabs.count("refresh");
    while browser.tabs.count("refresh") < refreshed + 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.until_all_hear().await;
    assert_eq!(browser.states(), [EMAIL; 2]);
    browser.end_elsewhere().await;
    browser.tabs.act("wait", None, is("signedOut"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_tab_listens_again_once_it_is_visible() {
    let mut browser = Browser::listening(&[], "cookie", 1).await;
    browser.tabs.act("hide", Some(0), true);
    browser.end_elsewhere().await;
    browser.tabs.run(0, "new Promise((wait) => { setTimeout(wait, 500); })");
    assert_eq!(browser.states(), [EMAIL]);
    browser.tabs.act("hide", Some(0), false);
    browser.tabs.act("wait", None, is("signedOut"));
}
