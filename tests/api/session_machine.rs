//! Sessions as a state machine: users, thieves and operators act in any order, and the server must behave like the
//! model in `session_model`.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::runtime::Handle;

use crate::{
    session_model::{ACCESS, Act, CLIENTS, GRACE, OTHER_PASSWORD, REFRESH, Refreshed, Session, WAITS, acts},
    support::{Database, PASSWORD, PROXY, Postgres, SignedIn, Sqlite, TestApp, database::connect},
};

/// The sessions of one person, on a server that may be replaced by another.
struct Machine<'a> {
    app: &'a RefCell<Arc<TestApp>>,
    email: String,
    password: &'static str,
    /// How far the clock has advanced.
    now: Duration,
    sessions: Vec<Session>,
    /// The number of emails about stolen sessions.
    mails: i64,
    siblings: i64,
}

impl Machine<'_> {
    /// Returns the current server.
    fn app(&self) -> Arc<TestApp> {
        self.app.borrow().clone()
    }

    async fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        let app = self.app();
        let chosen = |index: &Index| index.index(self.sessions.len());
        match act {
            Act::Login => {
                let pair = SignedIn::from(&app.login(&self.email, self.password).await);
                self.sessions.push(Session::begin(pair, self.now));
            }
            Act::Refresh(session, client) => {
                let session = chosen(session);
                self.refresh(session, self.sessions[session].counter(), client).await?;
            }
            Act::Replay(session, older, client) => {
                let session = chosen(session);
                let counter = self.sessions[session].counter().saturating_sub(*older);
                self.refresh(session, counter, client).await?;
            }
            Act::Repeat(session, client) => {
                let session = chosen(session);
                self.refresh(session, self.sessions[session].base.unwrap_or_default(), client).await?;
            }
            Act::Use(session, pair) => {
                let (now, session) = (self.now, chosen(session));
                let session = &mut self.sessions[session];
                let counter = pair.map_or(session.counter(), |pair| pair.index(session.pairs.len()));
                let (pair, issued_at) = &session.pairs[counter];
                let is_stolen = session.is_live(now) && session.void.contains(&counter);
                let expected = match now < (*issued_at + ACCESS).min(session.max_expires_at) {
                    false => "EXPIRED",
                    true if session.is_live(now) && !is_stolen => &self.email,
                    true => "REVOKED",
                };
                prop_assert_eq!(app.me(&pair.access_token).await, expected, "access token {}", counter);
                if expected == self.email {
                    session.seen = session.seen.max(counter);
                } else if is_stolen && expected == "REVOKED" {
                    session.is_over = true;
                    self.mails += 1;
                }
            }
            Act::Logout(session) => {
                let session = chosen(session);
                let token = &self.sessions[session].pairs.last().unwrap().0.refresh_token;
                let query = "mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }";
                app.run(query, serde_json::json!({ "token": token })).await.data("logout");
                self.sessions[session].is_over = true;
            }
            Act::LogoutAll(session) => {
                let session = &self.sessions[chosen(session)];
                let token = session.pairs.last().unwrap().0.access_token.clone();
                if app.me(&token).await == self.email {
                    let all = "mutation { logoutAll { endedSessionIds } }";
                    app.run_as(&token, all, serde_json::json!({})).await.data("logoutAll");
                    self.end_all();
                }
            }
            Act::Reset => {
                app.request_reset(&self.email).await;
                self.password = if self.password == PASSWORD { OTHER_PASSWORD } else { PASSWORD };
                let done = app.reset(&app.token(&self.email).await, self.password).await;
                prop_assert_eq!(&done["__typename"], "PasswordChanged");
                self.end_all();
            }
            Act::Wait(wait) => {
                let wait = *wait.get(&WAITS);
                app.advance(wait);
                self.now += wait;
            }
            Act::Restart => {
                let another = app.another(&[]).await;
                another.advance(app.app.clock.lead());
                self.app.replace(another.into());
            }
        }
        Ok(())
    }

    fn end_all(&mut self) {
        self.sessions.iter_mut().for_each(|session| session.is_over = true);
    }

    async fn refresh(&mut self, session: usize, counter: usize, client: &Index) -> Result<(), TestCaseError> {
        let (app, now) = (self.app(), self.now);
        let (address, agent, client) = *client.get(&CLIENTS);
        let session = &mut self.sessions[session];
        let newest = session.counter();
        let expected = match () {
            () if !session.is_live(now) => Refreshed::Refused,
            () if counter == newest => Refreshed::Next,
            () if Some(counter) == session.base && now < session.rotated_at + GRACE => Refreshed::Same,
            () if Some(counter) == session.base && session.seen < newest => {
                if client == session.client {
                    Refreshed::Same
                } else {
                    Refreshed::Sibling
                }
            }
            () => {
                session.is_over = true;
                self.mails += 1;
                Refreshed::Refused
            }
        };
        let answer = app.refresh_from((address, agent), &session.pairs[counter].0.refresh_token).await;
        let found = if answer["__typename"] == "AuthPayload" {
            let pair = SignedIn::from(&answer);
            prop_assert_eq!(&pair.session_id, &session.pairs[0].0.session_id);
            if pair.refresh_token == session.pairs[newest].0.refresh_token {
                // outside the grace period the access token is new
                let is_prompt = now < session.rotated_at + GRACE;
                session.pairs[newest] = (pair, if is_prompt { session.rotated_at } else { now });
                Refreshed::Same
            } else {
                prop_assert!(session.pairs.iter().all(|(old, _)| old.refresh_token != pair.refresh_token));
                session.pairs.push((pair, now));
                session.rotated_at = now;
                session.expires_at = (now + REFRESH).min(session.max_expires_at);
                session.client = client;
                if counter == newest {
                    session.base = Some(counter);
                    Refreshed::Next
                } else {
                    session.void = counter + 1..newest + 1;
                    self.siblings += 1;
                    Refreshed::Sibling
                }
            }
        } else {
            prop_assert_eq!(&answer["code"], "INVALID_TOKEN");
            Refreshed::Refused
        };
        prop_assert_eq!(found, expected, "refresh token {} of {}", counter, newest);
        Ok(())
    }
}

async fn check(database: Database, cases: u32) {
    let settings = [
        ("REFRESH_GRACE", "1m"),
        ("SESSION_MAX_AGE", "48h"),
        ("RATE_LIMITS", "off"),
        ("EMAIL_VERIFICATION", "none"),
        PROXY,
    ];
    // the first server owns the folder of the database
    let first = TestApp::with(database, &settings).await;
    let app = RefCell::new(Arc::new(first.another(&[]).await));
    let rows = connect(&first.settings["DATABASE_URL"]).await;
    let (number, stolen, siblings) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    // the cases are the same in every run
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let held = runner.run(&acts(), |acts| {
        let case = async {
            number.set(number.get() + 1);
            let email = format!("p{}@example.org", number.get());
            let now = Duration::ZERO;
            let mut machine = Machine {
                app: &app,
                email,
                password: PASSWORD,
                now,
                sessions: Vec::new(),
                mails: 0,
                siblings: 0,
            };
            let pair = machine.app().sign_up(&machine.email).await;
            // emails about stolen sessions go only to verified addresses
            let prove = "UPDATE users SET email_verified_at = 1 WHERE email_verified_at IS NULL";
            rows.execute_unprepared(prove).await.unwrap();
            machine.sessions.push(Session::begin(pair, machine.now));
            for act in &acts {
                machine.act(act).await?;
            }
            prop_assert_eq!(mails(&rows, &machine.email).await, machine.mails, "one email for each theft");
            stolen.set(stolen.get() + machine.mails);
            siblings.set(siblings.get() + machine.siblings);
            Ok(())
        };
        tokio::task::block_in_place(|| Handle::current().block_on(case))
    });
    held.unwrap_or_else(|broken| panic!("{broken}"));
    let (stolen, siblings, cases) = (stolen.get(), siblings.get(), i64::from(cases));
    assert!(stolen >= cases / 10 && siblings >= cases / 5, "{stolen} thefts, {siblings} siblings");
}

/// Returns the number of emails about stolen sessions to this address.
pub async fn mails(rows: &DatabaseConnection, email: &str) -> i64 {
    let sql =
        format!("SELECT count(*) AS count FROM outbox WHERE kind = 'session_stolen' AND address = '{email}'");
    let counted = rows.query_one_raw(Statement::from_string(rows.get_database_backend(), sql)).await;
    counted.unwrap().unwrap().try_get("", "count").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_behave_like_their_model_on_sqlite() {
    check(Sqlite, 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_behave_like_their_model_on_postgresql() {
    check(Postgres, 40).await;
}
