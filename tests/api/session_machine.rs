//! Sessions as a state machine: whatever people, thieves and operators do, in whatever order, the server does as a model of
//! twenty lines does.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use tokio::runtime::Handle;

use crate::support::{Database, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

const OTHER_PASSWORD: &str = "battery horse correct";

const GRACE: Duration = Duration::from_mins(1);
const ACCESS: Duration = Duration::from_mins(30);
const REFRESH: Duration = Duration::from_hours(24);
const MAX_AGE: Duration = Duration::from_hours(48);

/// Sums of these never come near to a time limit, so that it does not matter how long the test itself takes.
const WAITS: [Duration; 6] = [
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(11),
    Duration::from_mins(44),
    Duration::from_hours(20),
    Duration::from_hours(25),
];

/// What somebody does. An index chooses among the sessions, or among the pairs of a session, that there are then.
#[derive(Clone, Debug)]
enum Act {
    Login,
    /// With the newest refresh token.
    Refresh(Index),
    /// With one that is so many older.
    Replay(Index, usize),
    /// An access token, the newest or any.
    Use(Index, Option<Index>),
    Logout(Index),
    LogoutAll(Index),
    Reset,
    Wait(Index),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let any = any::<Index>;
    let act = prop_oneof![
        1 => Just(Act::Login),
        8 => any().prop_map(Act::Refresh),
        6 => (any(), prop_oneof![4 => Just(1), 1 => Just(2), 1 => 3_usize..9])
            .prop_map(|(session, older)| Act::Replay(session, older)),
        8 => (any(), proptest::option::weighted(0.3, any())).prop_map(|(session, pair)| Act::Use(session, pair)),
        1 => any().prop_map(Act::Logout),
        1 => any().prop_map(Act::LogoutAll),
        1 => Just(Act::Reset),
        4 => any().prop_map(Act::Wait),
        1 => Just(Act::Restart),
    ];
    vec(act, 1..40)
}

/// A session as it ought to be, and every pair of tokens that was ever given for it: the one at index `n` has counter `n`.
struct Session {
    pairs: Vec<(SignedIn, Duration)>,
    /// The highest counter whose access token came back.
    seen: usize,
    rotated_at: Duration,
    expires_at: Duration,
    max_expires_at: Duration,
    is_over: bool,
}

impl Session {
    fn begin(pair: SignedIn, now: Duration) -> Self {
        let (expires_at, max_expires_at) = (now + REFRESH, now + MAX_AGE);
        Self {
            pairs: vec![(pair, now)],
            seen: 0,
            rotated_at: now,
            expires_at,
            max_expires_at,
            is_over: false,
        }
    }

    fn is_live(&self, now: Duration) -> bool {
        !self.is_over && now < self.expires_at
    }

    /// The newest counter.
    fn counter(&self) -> usize {
        self.pairs.len() - 1
    }
}

/// What a refresh token must come to.
#[derive(Debug, PartialEq, Eq)]
enum Refreshed {
    /// The next pair, never seen before.
    Next,
    /// The newest pair once more.
    Same,
    Refused,
}

/// One person's sessions, on a server that may be replaced by another.
struct Machine<'a> {
    app: &'a RefCell<Arc<TestApp>>,
    email: String,
    password: &'static str,
    /// How far the clock has been moved.
    now: Duration,
    sessions: Vec<Session>,
}

impl Machine<'_> {
    /// The server that runs now.
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
            Act::Refresh(session) => {
                let session = chosen(session);
                self.refresh(session, self.sessions[session].counter()).await?;
            }
            Act::Replay(session, older) => {
                let session = chosen(session);
                self.refresh(session, self.sessions[session].counter().saturating_sub(*older)).await?;
            }
            Act::Use(session, pair) => {
                let (now, session) = (self.now, chosen(session));
                let session = &mut self.sessions[session];
                let counter = pair.map_or(session.counter(), |pair| pair.index(session.pairs.len()));
                let (pair, issued_at) = &session.pairs[counter];
                let expected = match now < (*issued_at + ACCESS).min(session.max_expires_at) {
                    false => "EXPIRED",
                    true if session.is_live(now) => &self.email,
                    true => "REVOKED",
                };
                prop_assert_eq!(app.me(&pair.access_token).await, expected, "access token {}", counter);
                if expected == self.email {
                    session.seen = session.seen.max(counter);
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

    async fn refresh(&mut self, session: usize, counter: usize) -> Result<(), TestCaseError> {
        let (app, now) = (self.app(), self.now);
        let session = &mut self.sessions[session];
        let newest = session.counter();
        let expected = match () {
            () if !session.is_live(now) => Refreshed::Refused,
            () if counter == newest => Refreshed::Next,
            () if counter + 1 == newest && (now < session.rotated_at + GRACE || session.seen < newest) => {
                Refreshed::Same
            }
            () => {
                session.is_over = true;
                Refreshed::Refused
            }
        };
        let answer = app.refresh(&session.pairs[counter].0.refresh_token).await;
        let found = if answer["__typename"] == "AuthPayload" {
            let pair = SignedIn::from(&answer);
            prop_assert_eq!(&pair.session_id, &session.pairs[0].0.session_id);
            if pair.refresh_token == session.pairs[newest].0.refresh_token {
                // its access token is fresh, unless the two are within the grace
                let is_prompt = now < session.rotated_at + GRACE;
                session.pairs[newest] = (pair, if is_prompt { session.rotated_at } else { now });
                Refreshed::Same
            } else {
                prop_assert!(session.pairs.iter().all(|(old, _)| old.refresh_token != pair.refresh_token));
                session.pairs.push((pair, now));
                session.rotated_at = now;
                session.expires_at = (now + REFRESH).min(session.max_expires_at);
                Refreshed::Next
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
    ];
    // the first one has the folder that the database is in
    let first = TestApp::with(database, &settings).await;
    let app = RefCell::new(Arc::new(first.another(&[]).await));
    let number = Cell::new(0);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    // the same cases each time
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let held = runner.run(&acts(), |acts| {
        let case = async {
            number.set(number.get() + 1);
            let email = format!("p{}@example.org", number.get());
            let mut machine =
                Machine { app: &app, email, password: PASSWORD, now: Duration::ZERO, sessions: Vec::new() };
            let pair = machine.app().sign_up(&machine.email).await;
            machine.sessions.push(Session::begin(pair, machine.now));
            for act in &acts {
                machine.act(act).await?;
            }
            Ok(())
        };
        tokio::task::block_in_place(|| Handle::current().block_on(case))
    });
    held.unwrap_or_else(|broken| panic!("{broken}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_do_as_their_model_does_on_sqlite() {
    check(Sqlite, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_do_as_their_model_does_on_postgresql() {
    check(Postgres, 30).await;
}
