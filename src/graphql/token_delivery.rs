//! By which way refresh tokens come and go: in documents, or in a cookie that no script can read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{app::App, sessions::SignedIn};

/// How the refresh tokens of one request travel: what it asked for, the cookie that came with it, and what becomes of that.
#[derive(Debug, Default)]
pub struct TokenDelivery {
    by_cookie: bool,
    cookie: Option<SecretString>,
    change: Mutex<Option<CookieChange>>,
}

/// What the answer does to the cookie.
#[derive(Clone, Debug)]
pub enum CookieChange {
    /// It holds this from now on.
    Set {
        /// The refresh token.
        token: SecretString,
        /// Seconds for which it is good.
        max_age: i64,
    },
    /// It is gone.
    Clear,
}

impl TokenDelivery {
    /// Whether refresh tokens are to go into the cookie, and the one that came in it. It must have come from where it may.
    #[must_use]
    pub fn new(by_cookie: bool, cookie: Option<SecretString>) -> Self {
        Self { by_cookie, cookie, change: Mutex::default() }
    }

    /// What the answer does to the cookie, if anything.
    #[must_use]
    pub fn change(&self) -> Option<CookieChange> {
        self.lock().clone()
    }

    /// The refresh token that a field works with: the one that it is given, else the cookie's.
    pub(super) fn given<'t>(&'t self, argument: Option<&'t str>) -> Option<&'t str> {
        argument.or_else(|| self.cookie.as_ref().map(ExposeSecret::expose_secret))
    }

    /// Sends a refresh token on its way; what is returned goes into the document. What came by the cookie never does, or a
    /// script could have what the cookie keeps from it by leaving the header out.
    pub(super) fn send(&self, app: &App, signed_in: &SignedIn) -> Option<String> {
        let token = signed_in.refresh_token.clone()?;
        if !self.by_cookie && self.session(app) != Some(signed_in.session.id) {
            return Some(token.expose_secret().to_owned());
        }
        *self.lock() = Some(CookieChange::Set { token, max_age: signed_in.refresh_expires_in });
        None
    }

    /// Clears the cookie, where there is one, if its session is among those that have ended.
    pub(super) fn ended(&self, app: &App, sessions: &[Uuid]) {
        if self.session(app).is_some_and(|session| sessions.contains(&session)) {
            self.clear();
        }
    }

    /// Clears the cookie, where there is one: its token is of no more use.
    pub(super) fn clear(&self) {
        if self.cookie.is_some() {
            *self.lock() = Some(CookieChange::Clear);
        }
    }

    /// The session of the cookie.
    fn session(&self, app: &App) -> Option<Uuid> {
        Some(app.tokens.read_refresh_token(self.cookie.as_ref()?.expose_secret())?.session_id)
    }

    fn lock(&self) -> MutexGuard<'_, Option<CookieChange>> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
