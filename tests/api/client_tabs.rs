//! The TypeScript client in many tabs of one browser: which tab refreshes, and which tabs wait.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    support::client::{Browser, HALF_AN_HOUR, SOMEBODY_WAITS, is},
    support::{Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp},
};

const TABS: usize = 10;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_with_an_expired_token_refresh_once_and_sign_out_together(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(database, keep, TABS).await;
    for hours in 1..4 {
        browser.app.advance(HALF_AN_HOUR);
        assert_eq!(browser.ask(), vec![EMAIL; TABS]);
        assert_eq!(browser.rotations().await, hours);
        assert_eq!(browser.tabs.count("refresh"), u64::try_from(hours).unwrap());
    }
    browser.tabs.run(7, "gatehouse.logout()");
    browser.tabs.act("wait", None, is("signedOut"));
    assert_eq!(browser.ask(), vec!["UNAUTHENTICATED"; TABS]);
    assert_eq!(browser.tabs.count("refresh"), 3, "no tab has tried");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_hears_of_a_sign_out_does_not_refresh_with_stale_storage(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    // a browser may be slow to show other tabs what one tab has stored
    browser.tabs.run(0, "void (window.kept = { ...localStorage })");
    browser.tabs.run(0, "void (Storage.prototype.getItem = (name) => kept[name] ?? null)");
    browser.tabs.run(1, "gatehouse.logout()");
    browser.tabs.act("wait", None, is("signedOut"));
    assert_eq!(browser.ask(), vec!["UNAUTHENTICATED"; 2]);
    assert_eq!(browser.tabs.count("refresh"), 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_take_turns_for_hours_stay_signed_in(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 3).await;
    for turn in 0..9 {
        browser.app.advance(HALF_AN_HOUR);
        let asked = browser.tabs.run(turn % 3, "gatehouse.me().then((user) => user.email)");
        assert_eq!(asked, EMAIL, "{turn}");
    }
    assert_eq!(browser.rotations().await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_keep_tokens_in_memory_have_separate_sessions() {
    let mut browser = Browser::signed_in(Sqlite, "memory", 1).await;
    browser.open(1);
    assert_eq!(browser.states(), [EMAIL, "signedOut"]);
    browser.login(1, EMAIL);
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), [EMAIL, EMAIL]);
    browser.tabs.run(0, "gatehouse.logout()");
    assert_eq!(browser.ask(), ["UNAUTHENTICATED", EMAIL]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_on_the_network_does_not_sign_out(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 1).await;
    browser.tabs.act("offline", Some(0), true);
    assert_eq!(browser.ask(), ["UNREACHABLE"]);
    let signed_out = browser.tabs.run(0, "gatehouse.logout().catch((fault) => fault.code)");
    assert_eq!(signed_out, "UNREACHABLE", "the failed sign-out is reported");
    browser.tabs.act("offline", Some(0), false);

    // the server responds, but the response does not arrive
    browser.app.advance(HALF_AN_HOUR);
    browser.tabs.act("hold", Some(0), "refresh");
    let ask = "void (window.asked = gatehouse.me().then((user) => user.email, (fault) => fault.code))";
    browser.tabs.run(0, ask);
    while browser.rotations().await < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(browser.tabs.run(0, "asked"), "UNREACHABLE", "the client does not wait forever");
    assert_eq!(browser.states(), [EMAIL]);
    browser.tabs.act("release", Some(0), Value::Null);
    assert_eq!(browser.ask(), [EMAIL]);
    // the server sends the same tokens again, but a cookie arrives even if the page no longer waits for it
    assert_eq!(browser.rotations().await, if keep == "cookie" { 2 } else { 1 });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_elsewhere_ends_in_all_tabs_once_one_of_them_asks(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 3).await;
    let elsewhere = browser.app.sign_in(EMAIL).await;
    browser
        .app
        .run_as(&elsewhere.access_token, "mutation { logoutAll { endedSessionIds } }", json!({}))
        .await;
    assert_eq!(browser.states(), [EMAIL; 3]);
    let asked = browser.tabs.run(1, "gatehouse.me().catch((fault) => fault.code)");
    assert_eq!(asked, "UNAUTHENTICATED");
    browser.tabs.act("wait", None, is("signedOut"));
    let kept = "Object.keys(localStorage).filter((key) => key.startsWith('gatehouse'))";
    assert_eq!(browser.tabs.run(0, kept), json!([]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_freezes_while_refreshing_does_not_block_other_tabs(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    browser.app.advance(HALF_AN_HOUR);
    browser.hold_lock(0);
    browser.tabs.act("clock", Some(1), 0);
    browser.tabs.run(1, "void (window.asked = gatehouse.me().then((user) => user.email))");
    browser.tabs.act("wait", Some(0), SOMEBODY_WAITS);
    browser.tabs.act("pass", Some(1), 30);
    assert_eq!(browser.tabs.run(1, "asked"), EMAIL);
    assert_eq!(browser.rotations().await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_thaws_does_not_overwrite_newer_tokens(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    browser.app.advance(HALF_AN_HOUR);
    // the response that the first tab waits for arrives after two more refreshes
    browser.tabs.act("hold", Some(0), "refresh");
    browser.tabs.run(0, "void (window.asked = gatehouse.me().then((user) => user.email))");
    while browser.rotations().await < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    browser.tabs.act("clock", Some(1), 0);
    browser.tabs.run(1, "void (window.asked = gatehouse.me().then((user) => user.email))");
    browser.tabs.act("wait", Some(0), SOMEBODY_WAITS);
    browser.tabs.act("pass", Some(1), 30);
    assert_eq!(browser.tabs.run(1, "asked"), EMAIL);
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.tabs.run(1, "gatehouse.me().then((user) => user.email)"), EMAIL);
    browser.tabs.act("release", Some(0), Value::Null);
    assert_eq!(browser.tabs.run(0, "asked"), EMAIL);

    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), [EMAIL; 2]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tabs_cooperate_in_a_browser_without_locks(#[values("cookie", "localStorage")] keep: &'static str) {
    let mut browser = Browser::start(TestApp::with(Sqlite, &[NO_VERIFICATION]).await, keep);
    browser.app.sign_up(EMAIL).await;
    for tab in 0..TABS {
        browser.open(tab);
        browser.tabs.run(tab, "void Object.defineProperty(navigator, 'locks', { value: undefined })");
    }
    browser.login(4, EMAIL);
    browser.tabs.act("wait", None, is("signedIn"));
    for _ in 0..3 {
        browser.app.advance(HALF_AN_HOUR);
        assert_eq!(browser.ask(), vec![EMAIL; TABS]);
    }
    let refreshes = browser.tabs.count("refresh");
    assert!((3..TABS as u64).contains(&refreshes), "{refreshes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_without_locks_and_nothing_to_refresh_does_not_block_other_tabs() {
    let mut browser = Browser::signed_in(Sqlite, "cookie", 2).await;
    browser.tabs.run(0, "void Object.defineProperty(navigator, 'locks', { value: undefined })");
    browser.app.advance(HALF_AN_HOUR);
    let lease = "Object.keys(localStorage).some((key) => key.endsWith(':lease'))";
    browser.tabs.run(0, "void (window.asked = gatehouse.me().then((user) => (window.told = user.email)))");
    browser.tabs.act("wait", Some(0), format!("{lease} || window.told"));
    assert_eq!(browser.tabs.run(1, "gatehouse.me().then((user) => user.email)"), EMAIL);
    assert_eq!(browser.tabs.run(0, "asked"), EMAIL);
    browser.tabs.act("wait", Some(0), format!("!{lease}"));
}
