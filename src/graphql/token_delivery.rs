//! The delivery of refresh tokens: in the body of the response, or in a cookie that scripts cannot read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{app::App, sessions::SignedIn};

/// The delivery of refresh tokens in one request: the requested method, the cookie of the request, and the change to
/// that cookie.
#[derive(Debug, Default)]
pub struct TokenDelivery {
    by_cookie: bool,
    cookie: Option<SecretString>,
    change: Mutex<Option<CookieChange>>,
}

/// A change to the cookie, which the response makes.
#[derive(Clone, Debug)]
pub enum CookieChange {
    /// Sets the cookie.
    Set {
        /// The refresh token.
        token: SecretString,
        /// Seconds until the refresh token expires.
        max_age: i64,
    },
    /// Deletes the cookie.
    Clear,
}

impl TokenDelivery {
    /// Creates a delivery in a cookie or in the body of the response, with the refresh token from the request's cookie, if any. The
    /// caller must have checked the origin of the request.
    #[must_use]
    pub fn new(by_cookie: bool, cookie: Option<SecretString>) -> Self {
        Self { by_cookie, cookie, change: Mutex::default() }
    }

    /// Returns the change to the cookie, or `None` if the cookie stays as it is.
    #[must_use]
    pub fn change(&self) -> Option<CookieChange> {
        self.lock().clone()
    }

    /// Returns the refresh token in the argument or, if there is no argument, in the cookie.
    pub(super) fn given<'t>(&'t self, argument: Option<&'t str>) -> Option<&'t str> {
        argument.or_else(|| self.cookie.as_ref().map(ExposeSecret::expose_secret))
    }

    /// Delivers a refresh token: returns it for the body of the response, or sets the cookie and returns `None`.
    ///
    /// The tokens of a session that uses the cookie never go into the body of the response. Otherwise a script could read the token
    /// by omitting the `X-Token-Delivery` header.
    pub(super) fn send(&self, app: &App, signed_in: &SignedIn) -> Option<String> {
        let token = signed_in.refresh_token.clone()?;
        if !self.by_cookie && self.session(app) != Some(signed_in.session.id) {
            return Some(token.expose_secret().to_owned());
        }
        *self.lock() = Some(CookieChange::Set { token, max_age: signed_in.refresh_expires_in });
        None
    }

    /// Clears the cookie if its session is among `sessions`, which have ended.
    pub(super) fn ended(&self, app: &App, sessions: &[Uuid]) {
        if self.session(app).is_some_and(|session| sessions.contains(&session)) {
            self.clear();
        }
    }

    /// Clears the cookie, if the request has one.
    pub(super) fn clear(&self) {
        if self.cookie.is_some() {
            *self.lock() = Some(CookieChange::Clear);
        }
    }

    /// Returns the ID of the session that the refresh token in the cookie belongs to. Returns `None` if the cookie contains no
    /// valid token.
    fn session(&self, app: &App) -> Option<Uuid> {
        Some(app.tokens.read_refresh_token(self.cookie.as_ref()?.expose_secret())?.session_id)
    }

    fn lock(&self) -> MutexGuard<'_, Option<CookieChange>> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
