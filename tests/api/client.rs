//! The TypeScript client of `playground/client`, in many tabs of a real browser.

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp, database::connect, tabs::Tabs,
};

const TABS: usize = 10;

/// Longer than an access token lasts.
const HALF_AN_HOUR: Duration = Duration::from_mins(31);

/// Tabs of one browser with a client each, the first of which signs in; the others have heard of it.
struct Browser {
    app: TestApp,
    tabs: Tabs,
    keep: &'static str,
}

impl Browser {
    async fn signed_in(database: Database, keep: &'static str, count: usize) -> Self {
        let mut browser = Self::start(TestApp::with(database, &[NO_VERIFICATION]).await, keep);
        for tab in 0..count {
            browser.open(tab);
        }
        browser.app.sign_up(EMAIL).await;
        browser.login(0, EMAIL);
        browser.tabs.act("wait", None, is("signedIn"));
        browser
    }

    fn start(app: TestApp, keep: &'static str) -> Self {
        Self { app, tabs: Tabs::start(), keep }
    }

    fn open(&mut self, tab: usize) {
        let url = format!("{}/health/live", self.app.url);
        self.tabs.act("open", Some(tab), url);
        self.begin(tab);
    }

    fn begin(&mut self, tab: usize) {
        let options = json!({ "url": "/graphql", "keep": self.keep, "events": false });
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

fn everybody(is: &str) -> Vec<Value> {
    vec![json!(is); TABS]
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
        assert_eq!(browser.ask(), everybody(EMAIL));
        assert_eq!(browser.rotations().await, hours);
        assert_eq!(browser.tabs.count("refresh"), u64::try_from(hours).unwrap());
    }
    browser.tabs.run(7, "gatehouse.logout()");
    browser.tabs.act("wait", None, is("signedOut"));
    assert_eq!(browser.ask(), everybody("UNAUTHENTICATED"));
    assert_eq!(browser.rotations().await, 3, "nobody has tried");
}
