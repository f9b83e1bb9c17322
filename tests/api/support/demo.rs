//! A user of the demonstration app in a real browser.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Sqlite, TestApp, tabs::Tabs};

pub(crate) const NEW: &str = "battery horse correct";

/// Longer than a proof of identity counts as recent.
pub(crate) const STALE: Duration = Duration::from_mins(11);

/// A user of the app, in one or more tabs.
pub(crate) struct Visit {
    pub(crate) app: TestApp,
    pub(crate) tabs: Tabs,
}

impl Visit {
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(TestApp::with(Sqlite, settings).await)
    }

    pub(crate) fn of(app: TestApp) -> Self {
        let mut visit = Self { app, tabs: Tabs::start() };
        visit.open(0, "");
        visit
    }

    pub(crate) fn open(&mut self, tab: usize, path: &str) {
        let url = format!("{}/demo{path}", self.app.url);
        self.tabs.act("open", Some(tab), url);
        self.tabs.act("wait", Some(tab), "document.querySelector('h1')?.textContent.match(/[a-z]$|[?]$/)");
    }

    /// Waits until all tabs show a title.
    pub(crate) fn sees(&mut self, title: &str) {
        let is = format!("document.querySelector('h1')?.textContent === {}", json!(title));
        self.tabs.act("wait", None, is);
    }

    /// Waits until the first tab shows a text.
    pub(crate) fn reads(&mut self, text: &str) {
        let is = format!("document.body.innerText.includes({})", json!(text));
        self.tabs.act("wait", Some(0), is);
    }

    /// Presses Tab until the control with this name has the focus.
    pub(crate) fn tab_to(&mut self, name: &str) {
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

    pub(crate) fn fill(&mut self, name: &str, text: &str) {
        self.tab_to(name);
        self.tabs.act("press", Some(0), "Control+a");
        self.tabs.act("type", Some(0), text);
    }

    pub(crate) fn enter(&mut self) {
        self.tabs.act("press", Some(0), "Enter");
    }

    pub(crate) fn log_in(&mut self, identifier: &str, password: &str) {
        self.sees("Sign in");
        self.fill("Username or email address", identifier);
        self.fill("Password", password);
        self.enter();
    }

    /// Presses the button for a person at the fake Google.
    pub(crate) fn choose_at_google(&mut self, person: &str) {
        self.reads("This is not Google");
        self.tabs.run(0, &format!("void [...document.querySelectorAll('button')].find((at) => at.innerText.includes('{person}')).click()"));
    }

    /// Returns the name of the element that has the focus.
    pub(crate) fn focus(&mut self) -> Value {
        self.tabs.run(0, "document.activeElement.name || document.activeElement.tagName")
    }

    /// Checks that axe finds nothing serious, nothing is wider than a phone, and the browser reports nothing.
    pub(crate) fn is_sound(&mut self, page: &str) {
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

/// Makes the tests address a server by its name, because browsers do not create passkeys for numeric addresses.
pub(crate) fn at_localhost(mut app: TestApp) -> TestApp {
    app.url = app.url.replace("127.0.0.1", "localhost");
    app
}

/// Presses a button, link or summary by keyboard.
pub(crate) fn press(visit: &mut Visit, name: &str) {
    visit.tab_to(name);
    visit.enter();
}

/// Leaves the page with the recovery codes.
pub(crate) fn press_saved(visit: &mut Visit) {
    visit.tab_to("I have saved these codes");
    visit.tabs.act("press", Some(0), "Space");
    press(visit, "Continue");
    visit.sees("Security");
}
