//! Tabs of a browser, each with a client of `playground/client`.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Sqlite, TestApp, database::connect, tabs::Tabs,
};

/// An expression that tells whether a tab waits for another to release the lock.
pub(crate) const SOMEBODY_WAITS: &str = "navigator.locks.query().then(({ pending }) => pending.length === 1)";

/// Longer than the lifetime of an access token.
pub(crate) const HALF_AN_HOUR: Duration = Duration::from_mins(31);

/// Tabs of one browser, each with a client. The first one signs in, and the others learn about it.
pub(crate) struct Browser {
    pub(crate) app: TestApp,
    pub(crate) tabs: Tabs,
    pub(crate) keep: &'static str,
    /// Whether the clients subscribe to events.
    pub(crate) events: bool,
}

impl Browser {
    pub(crate) async fn signed_in(database: Database, keep: &'static str, count: usize) -> Self {
        Self::signed_in_to(TestApp::with(database, &[NO_VERIFICATION]).await, keep, count, false).await
    }

    /// Opens the same tabs with clients that subscribe to events. Returns once they have subscribed.
    pub(crate) async fn listening(settings: &[(&str, &str)], keep: &'static str, count: usize) -> Self {
        let app = TestApp::with(Sqlite, &[&[NO_VERIFICATION], settings].concat()).await;
        let mut browser = Self::signed_in_to(app, keep, count, true).await;
        browser.tabs.run_all("void gatehouse.onEvent((event) => { (window.events ??= []).push(event); })");
        browser.until_all_hear().await;
        browser
    }

    pub(crate) async fn signed_in_to(app: TestApp, keep: &'static str, count: usize, events: bool) -> Self {
        let mut browser = Self { events, ..Self::start(app, keep) };
        for tab in 0..count {
            browser.open(tab);
        }
        browser.app.sign_up(EMAIL).await;
        browser.login(0, EMAIL);
        browser.tabs.act("wait", None, is("signedIn"));
        browser
    }

    pub(crate) fn start(app: TestApp, keep: &'static str) -> Self {
        Self { app, tabs: Tabs::start(), keep, events: false }
    }

    pub(crate) fn open(&mut self, tab: usize) {
        // a page whose content security policy allows scripts to call this server
        let url = format!("{}/activate", self.app.url);
        self.tabs.act("open", Some(tab), url);
        self.begin(tab);
    }

    pub(crate) fn begin(&mut self, tab: usize) {
        let options = json!({ "url": "/graphql", "keep": self.keep, "events": self.events });
        // the client asks for a proof through `asked`, and `asked.give` provides it
        let options = format!(
            "{{ ...{options}, onReauthenticationRequired: (request) => new Promise((give) => {{ window.asked = {{ request, \
             give, times: (window.asked?.times ?? 0) + 1 }}; }}) }}"
        );
        self.tabs.run(tab, &format!("void (window.gatehouse = client.createGatehouse({options}))"));
    }

    pub(crate) fn login(&mut self, tab: usize, identifier: &str) {
        let input = json!({ "identifier": identifier, "password": PASSWORD });
        let outcome = self.tabs.run(tab, &format!("gatehouse.login({input})"));
        assert_eq!(outcome["kind"], "AuthPayload", "{outcome}");
    }

    /// Returns the signed-in user according to each tab, without a request.
    pub(crate) fn states(&mut self) -> Vec<Value> {
        self.tabs.run_all("gatehouse.state().user?.email ?? gatehouse.state().status")
    }

    /// Returns the signed-in user according to the server's responses to all tabs, which ask at the same time.
    pub(crate) fn ask(&mut self) -> Vec<Value> {
        self.tabs.run_all("gatehouse.me().then((user) => user.email, (fault) => fault.code)")
    }

    /// Makes one tab hold the client's lock until `letGo` is called.
    pub(crate) fn hold_lock(&mut self, tab: usize) {
        let name = format!("gatehouse {} /graphql", self.keep);
        let hold = format!(
            "new Promise((held) => {{ navigator.locks.request('{name}', () => new Promise((letGo) => {{ window.letGo = letGo; held(); }})).catch(() => {{}}); }})"
        );
        self.tabs.run(tab, &hold);
    }

    /// Keeps signing in elsewhere until all tabs have received an event.
    pub(crate) async fn until_all_hear(&mut self) {
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
    pub(crate) async fn end_elsewhere(&mut self) {
        let session = self.tabs.run(0, "gatehouse.state().session.id");
        let elsewhere = self.app.sign_in(EMAIL).await.access_token;
        let revoke = format!("mutation {{ revokeSession(id: {session}) {{ endedSessionIds }} }}");
        self.app.run_as(&elsewhere, &revoke, json!({})).await.data("revokeSession");
    }

    /// Returns the total number of refreshes of all sessions.
    pub(crate) async fn rotations(&self) -> i64 {
        let rows = connect(&self.app.settings["DATABASE_URL"]).await;
        let sum = "SELECT CAST(SUM(counter) AS BIGINT) AS rotations FROM sessions";
        let statement = sea_orm::Statement::from_string(rows.get_database_backend(), sum);
        let row = rows.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "rotations").unwrap()
    }
}

pub(crate) fn is(status: &str) -> String {
    format!("gatehouse.state().status === '{status}'")
}
