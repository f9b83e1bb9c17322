//! The TypeScript client of `playground/client`, in many tabs of a real browser.

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp,
    database::connect,
    node::{node, text},
    tabs::Tabs,
};

const TABS: usize = 10;

/// Whether a tab waits for another to let go of the lock.
const SOMEBODY_WAITS: &str = "navigator.locks.query().then(({ pending }) => pending.length === 1)";

/// Longer than an access token lasts.
const HALF_AN_HOUR: Duration = Duration::from_mins(31);

/// Tabs of one browser with a client each, the first of which signs in; the others have heard of it.
struct Browser {
    app: TestApp,
    tabs: Tabs,
    keep: &'static str,
    /// Whether the clients listen to the server.
    events: bool,
}

impl Browser {
    async fn signed_in(database: Database, keep: &'static str, count: usize) -> Self {
        Self::signed_in_to(TestApp::with(database, &[NO_VERIFICATION]).await, keep, count, false).await
    }

    /// The same with clients that listen, once they do.
    async fn listening(settings: &[(&str, &str)], keep: &'static str, count: usize) -> Self {
        let app = TestApp::with(Sqlite, &[&[NO_VERIFICATION], settings].concat()).await;
        let mut browser = Self::signed_in_to(app, keep, count, true).await;
        browser.tabs.run_all("void gatehouse.onEvent((event) => { (window.events ??= []).push(event); })");
        browser.until_all_hear().await;
        browser
    }

    async fn signed_in_to(app: TestApp, keep: &'static str, count: usize, events: bool) -> Self {
        let mut browser = Self { events, ..Self::start(app, keep) };
        for tab in 0..count {
            browser.open(tab);
        }
        browser.app.sign_up(EMAIL).await;
        browser.login(0, EMAIL);
        browser.tabs.act("wait", None, is("signedIn"));
        browser
    }

    fn start(app: TestApp, keep: &'static str) -> Self {
        Self { app, tabs: Tabs::start(), keep, events: false }
    }

    fn open(&mut self, tab: usize) {
        // a page whose policy lets scripts call this server
        let url = format!("{}/activate", self.app.url);
        self.tabs.act("open", Some(tab), url);
        self.begin(tab);
    }

    fn begin(&mut self, tab: usize) {
        let options = json!({ "url": "/graphql", "keep": self.keep, "events": self.events });
        // a person is asked for a proof by `asked`, and answers by `asked.give`
        let options = format!(
            "{{ ...{options}, onReauthenticationRequired: (request) => new Promise((give) => {{ window.asked = {{ request, \
             give, times: (window.asked?.times ?? 0) + 1 }}; }}) }}"
        );
        self.tabs.run(tab, &format!("void (window.gatehouse = client.createGatehouse({options}))"));
    }

    fn login(&mut self, tab: usize, identifier: &str) {
        let input = json!({ "identifier": identifier, "password": PASSWORD });
        let outcome = self.tabs.run(tab, &format!("gatehouse.login({input})"));
        assert_eq!(outcome["kind"], "AuthPayload", "{outcome}");
    }

    /// Who is signed in, as each tab knows without asking.
    fn states(&mut self) -> Vec<Value> {
        self.tabs.run_all("gatehouse.state().user?.email ?? gatehouse.state().status")
    }

    /// Who is signed in, as each tab is told by the server, all at once.
    fn ask(&mut self) -> Vec<Value> {
        self.tabs.run_all("gatehouse.me().then((user) => user.email, (fault) => fault.code)")
    }

    /// Has one tab hold the client's lock until it is told to let go.
    fn hold_lock(&mut self, tab: usize) {
        let name = format!("gatehouse {} /graphql", self.keep);
        let hold = format!(
            "new Promise((held) => {{ navigator.locks.request('{name}', () => new Promise((letGo) => {{ window.letGo = letGo; held(); }})).catch(() => {{}}); }})"
        );
        self.tabs.run(tab, &hold);
    }

    /// Signs in elsewhere until all tabs have heard of it.
    async fn until_all_hear(&mut self) {
        self.tabs.run_all("void (window.events = [])");
        while self
            .tabs
            .run_all("events.some(({ kind }) => kind === 'SESSION_STARTED')")
            .contains(&json!(false))
        {
            self.app.sign_in(EMAIL).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends the session of the tabs from elsewhere.
    async fn end_elsewhere(&mut self) {
        let session = self.tabs.run(0, "gatehouse.state().session.id");
        let elsewhere = self.app.sign_in(EMAIL).await.access_token;
        let revoke = format!("mutation {{ revokeSession(id: {session}) {{ endedSessionIds }} }}");
        self.app.run_as(&elsewhere, &revoke, json!({})).await.data("revokeSession");
    }

    /// How often sessions were refreshed, all together.
    async fn rotations(&self) -> i64 {
        let rows = connect(&self.app.settings["DATABASE_URL"]).await;
        let sum = "SELECT CAST(SUM(counter) AS BIGINT) AS rotations FROM sessions";
        let statement = sea_orm::Statement::from_string(rows.get_database_backend(), sum);
        let row = rows.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "rotations").unwrap()
    }
}

fn is(status: &str) -> String {
    format!("gatehouse.state().status === '{status}'")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_that_wake_from_an_expired_token_refresh_once_and_sign_out_together(
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
    assert_eq!(browser.tabs.count("refresh"), 3, "nobody has tried");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_hears_of_the_end_before_it_sees_it_does_not_try(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    // browsers tell the other tabs of what is stored when they find the time
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

#[rstest]
#[case("cookie", EMAIL)]
#[case("localStorage", EMAIL)]
#[case("memory", "signedOut")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_page_unless_it_is_kept_in_memory(
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

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_keep_their_tokens_in_memory_have_sessions_of_their_own() {
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
async fn a_refresh_that_does_not_get_through_signs_nobody_out(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 1).await;
    browser.tabs.act("offline", Some(0), true);
    assert_eq!(browser.ask(), ["UNREACHABLE"]);
    let signed_out = browser.tabs.run(0, "gatehouse.logout().catch((fault) => fault.code)");
    assert_eq!(signed_out, "UNREACHABLE", "it says so");
    browser.tabs.act("offline", Some(0), false);

    // the server has answered, and nobody heard it
    browser.app.advance(HALF_AN_HOUR);
    browser.tabs.act("hold", Some(0), "refresh");
    let ask = "void (window.asked = gatehouse.me().then((user) => user.email, (fault) => fault.code))";
    browser.tabs.run(0, ask);
    while browser.rotations().await < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(browser.tabs.run(0, "asked"), "UNREACHABLE", "it does not wait for ever");
    assert_eq!(browser.states(), [EMAIL]);
    browser.tabs.act("release", Some(0), Value::Null);
    assert_eq!(browser.ask(), [EMAIL]);
    // it is given the same tokens again; but a cookie arrives whether or not the page waits for it
    assert_eq!(browser.rotations().await, if keep == "cookie" { 2 } else { 1 });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_elsewhere_ends_in_all_tabs_as_soon_as_one_asks(
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
async fn a_tab_that_freezes_at_work_stops_no_other(#[values("cookie", "localStorage")] keep: &'static str) {
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
async fn a_tab_that_thaws_writes_over_nothing_that_came_after(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    browser.app.advance(HALF_AN_HOUR);
    // the answer that the first tab waits for arrives after two more refreshes
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
async fn what_one_person_asked_for_is_not_done_as_another(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
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
async fn a_device_whose_clock_is_wrong_refreshes_no_more_than_others(#[values(-1, 1)] days: i64) {
    let mut browser = Browser::start(TestApp::with(Sqlite, &[NO_VERIFICATION]).await, "memory");
    browser.app.sign_up(EMAIL).await;
    browser.tabs.act("clock", Some(0), days * 24 * 60 * 60);
    browser.open(0);
    browser.login(0, EMAIL);
    assert_eq!(browser.ask(), [EMAIL]);
    assert_eq!(browser.tabs.count("refresh"), 0);
    // by its own clock the token has expired, and it does not wait to be refused
    browser.tabs.act("pass", Some(0), HALF_AN_HOUR.as_secs());
    assert_eq!(browser.ask(), [EMAIL]);
    assert_eq!((browser.tabs.count("refresh"), browser.tabs.count("me")), (1, 2));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn where_a_browser_has_no_locks_tabs_get_along(#[values("cookie", "localStorage")] keep: &'static str) {
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
async fn a_tab_without_locks_that_need_not_refresh_keeps_no_other_waiting() {
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_newer_than_the_client_is_unknown() {
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
    let functions = browser.tabs.run(0, "Object.keys(gatehouse)");
    for field in fields.iter().flatten().filter(|field| field["name"] != "refresh") {
        assert!(functions.as_array().unwrap().contains(&field["name"]), "{field}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_elsewhere_is_seen_to_be_over_at_once(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let mut browser = Browser::listening(&[], keep, 1).await;
    browser.end_elsewhere().await;
    let asked = browser.tabs.count("me");
    browser.tabs.act("wait", None, is("signedOut"));
    assert_eq!((browser.tabs.count("me"), browser.tabs.count("refresh")), (asked, 0), "without a question");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_changed_elsewhere_is_shown_in_all_tabs() {
    let mut browser = Browser::listening(&[], "cookie", 2).await;
    let elsewhere = browser.app.sign_in(EMAIL).await.access_token;
    let rename = "mutation { updateProfile(input: { name: \"Ada L.\" }) { __typename } }";
    browser.app.run_as(&elsewhere, rename, json!({})).await;
    browser.tabs.act("wait", None, "gatehouse.state().user.name === 'Ada L.'");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tabs_go_on_listening_when_their_access_token_expires(
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
async fn a_tab_in_the_background_listens_again_when_it_is_looked_at() {
    let mut browser = Browser::listening(&[], "cookie", 1).await;
    browser.tabs.act("hide", Some(0), true);
    browser.end_elsewhere().await;
    browser.tabs.run(0, "new Promise((wait) => { setTimeout(wait, 500); })");
    assert_eq!(browser.states(), [EMAIL]);
    browser.tabs.act("hide", Some(0), false);
    browser.tabs.act("wait", None, is("signedOut"));
}

/// Longer than a proof is good for, and shorter than an access token lasts.
const STALE: Duration = Duration::from_mins(11);

/// Changes a username, which needs a recent proof, without waiting for the outcome.
fn rename(username: &str, outcome: &str) -> String {
    format!("void (window.{outcome} = gatehouse.updateProfile({{ username: '{username}' }}))")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_by_somebody_who_is_signed_in_leaves_their_refresh_token_alone(
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
    assert_eq!(browser.ask(), [EMAIL], "it was refreshed");
    assert_eq!(browser.rotations().await, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_proof_is_sent_again_once_one_is_given(
    #[values("cookie", "localStorage", "memory")] keep: &'static str,
) {
    let count = if keep == "memory" { 1 } else { 2 };
    let mut browser = Browser::signed_in(Sqlite, keep, count).await;
    browser.app.advance(STALE);
    // two that are refused at once share one proof
    browser.tabs.run(0, &rename("ada", "first"));
    browser.tabs.run(0, &rename("lovelace", "second"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["PASSWORD"]));
    browser.tabs.run(0, &format!("asked.give({})", json!({ "password": PASSWORD })));
    browser.tabs.run(0, "void Promise.all([first, second]).then((all) => { window.all = all; })");
    browser.tabs.act("wait", Some(0), "window.all");
    assert_eq!(browser.tabs.run(0, "all.map(({ kind }) => kind)"), json!(["User", "User"]));
    assert_eq!(browser.tabs.run(0, "asked.times"), 1);
    assert_eq!(browser.tabs.run(0, "gatehouse.state().session.methods"), json!(["PASSWORD"]));
    assert_eq!((browser.tabs.count("reauthenticate"), browser.tabs.count("refresh")), (1, 0));
    // and the session goes on
    browser.app.advance(HALF_AN_HOUR);
    assert_eq!(browser.ask(), vec![EMAIL; count]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_given_in_one_tab_is_good_in_all(
    #[values("cookie", "localStorage")] keep: &'static str,
) {
    let mut browser = Browser::signed_in(Sqlite, keep, 2).await;
    browser.app.advance(STALE);
    let id = browser.tabs.run(0, "gatehouse.startReauthentication()")["id"].clone();
    let proof = json!({ "password": PASSWORD });
    let proven = browser.tabs.run(0, &format!("gatehouse.reauthenticate({id}, {proof})"));
    assert_eq!(proven["kind"], "Reauthenticated", "{proven}");
    let token = proven["accessToken"].clone();
    let heard = format!("gatehouse.accessToken().then((token) => {{ window.isHeard = token === {token}; }})");
    browser.tabs.act("wait", Some(1), format!("{heard}, window.isHeard"));
    let renamed = browser.tabs.run(1, "gatehouse.updateProfile({ username: 'byron' })");
    assert_eq!(renamed["username"], "byron", "{renamed}");
    assert_eq!(browser.tabs.count("refresh"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_wrong_is_asked_for_again_and_without_one_nothing_is_sent_again() {
    let mut browser = Browser::signed_in(Sqlite, "cookie", 1).await;
    browser.app.advance(STALE);
    browser.tabs.run(0, &rename("ada", "outcome"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.refusal ?? null"), Value::Null);
    browser.tabs.run(0, "asked.give({ password: 'another one' })");
    browser.tabs.act("wait", Some(0), "asked.times === 2");
    assert_eq!(browser.tabs.run(0, "asked.request.refusal.code"), "INVALID_CREDENTIALS");
    browser.tabs.run(0, "asked.give(null)");
    assert_eq!(browser.tabs.run(0, "outcome")["code"], "REAUTHENTICATION_REQUIRED");
    assert_eq!(browser.tabs.count("updateProfile"), 1);

    // nor is anybody asked for ever
    browser.tabs.run(0, &rename("ada", "outcome"));
    for times in 3..8 {
        browser.tabs.act("wait", Some(0), format!("asked.times === {times}"));
        browser.tabs.run(0, "asked.give({ password: 'another one' })");
    }
    assert_eq!(browser.tabs.run(0, "outcome")["code"], "REAUTHENTICATION_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_password_proves_by_a_code_that_it_is_they() {
    let mut browser = Browser::start(TestApp::start(Sqlite).await, "cookie");
    browser.app.sign_up(EMAIL).await;
    browser.open(0);
    browser.tabs.run(0, &format!("gatehouse.requestLoginCode({})", json!(EMAIL)));
    let input = json!({ "email": EMAIL, "otp": browser.app.code(EMAIL).await });
    let proven = browser.tabs.run(0, &format!("gatehouse.verifyOtp({input})"));
    assert_eq!(proven["user"]["hasPassword"], false, "a stranger may have chosen it: {proven}");
    browser.app.advance(STALE);
    let input = json!({ "newPassword": "battery horse correct" });
    browser.tabs.run(0, &format!("void (window.changed = gatehouse.changePassword({input}))"));
    browser.tabs.act("wait", Some(0), "window.asked");
    assert_eq!(browser.tabs.run(0, "asked.request.methods"), json!(["EMAIL_CODE"]));
    assert_eq!(browser.tabs.run(0, "asked.request.sendCode()")["purpose"], "REAUTHENTICATION");
    let code = json!({ "emailCode": browser.app.code(EMAIL).await });
    browser.tabs.run(0, &format!("asked.give({code})"));
    assert_eq!(browser.tabs.run(0, "changed")["kind"], "PasswordChanged");
}

#[rstest]
#[case("cookie", true)]
#[case("localStorage", true)]
#[case("memory", false)]
#[tokio::test(flavor = "multi_thread")]
async fn who_signed_up_in_this_browser_keeps_their_password(
    #[case] keep: &'static str,
    #[case] by_link: bool,
) {
    let settings = [("EMAIL_VERIFICATION", "mandatory")];
    let mut browser = Browser::start(TestApp::with(Sqlite, &settings).await, keep);
    browser.open(0);
    let signup =
        |email: &str| format!("gatehouse.signup({})", json!({ "email": email, "password": PASSWORD }));
    assert_eq!(browser.tabs.run(0, &signup(EMAIL))["kind"], "EmailChallenge");
    let input = json!({ "email": "Ada@example.org", "otp": browser.app.code(EMAIL).await });
    let proven = browser.tabs.run(0, &format!("gatehouse.verifyOtp({input})"));
    assert_eq!(proven["user"]["hasPassword"], true, "{proven}");

    // a link is opened in another tab
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
async fn a_session_that_another_page_of_the_site_has_begun_is_taken_up() {
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
    assert_eq!(browser.states(), ["signedOut"], "nobody has looked");
    browser.tabs.run(0, "gatehouse.adopt()");
    assert_eq!(browser.states(), [EMAIL]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_page_it_waits_and_a_device_signs_in() {
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
    assert_eq!(seen["touched"], json!([]), "nothing was sent, opened or kept");
    assert_eq!(seen["states"], json!(["signedOut", "signedIn"]));
    assert_eq!((&seen["last"], &seen["email"]), (&json!("signedOut"), &json!(EMAIL)));
    assert_eq!(seen["event"], "PROFILE_CHANGED");
}
