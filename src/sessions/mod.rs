//! Sessions: signing in, staying signed in, signing out.

mod client_hash;
mod login;
mod logout;
mod logout_all;
mod open;
mod refresh;
mod revoke_session;
mod session_events;
mod sign_in;
mod step_up;
mod stolen;
mod viewer;

use std::net::IpAddr;

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{
    app::App,
    challenges::IssuedChallenge,
    fault::Fault,
    storage::{session, user},
    tokens::AccessToken,
};

pub use login::{LoginInput, LoginRefusal, login};
pub use logout::logout;
pub use logout_all::logout_all;
pub use open::{Link, OpenedSession, PendingSession};
pub use refresh::{RefreshRefusal, refresh};
pub use revoke_session::revoke_session;
pub use session_events::session_events;
pub use sign_in::{SignInRefusal, sign_in};
pub use step_up::{ReauthenticationRequired, SteppedUp, step_up};
pub use viewer::{Unauthenticated, Viewer, viewer};

/// Who sends a request, as far as the connection tells.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address, proxies seen through.
    pub ip_address: Option<IpAddr>,
    /// What the client says it is, cut to a bearable length.
    pub user_agent: Option<String>,
}

/// A session, whose it is, and its pair of tokens.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: user::Model,
    /// The session.
    pub session: session::Model,
    /// For requests.
    pub access_token: AccessToken,
    /// For the next pair. `None` where a session goes on: its client keeps the one that it has.
    pub refresh_token: Option<SecretString>,
    /// Seconds until the refresh token expires.
    pub refresh_expires_in: i64,
    /// What was mailed, where the address still awaits its proof.
    pub email_challenge: Option<IssuedChallenge>,
}

/// What signing up or in comes to.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// A session.
    SignedIn(Box<SignedIn>),
    /// The address is to be proven first.
    EmailChallenge(Box<IssuedChallenge>),
}

impl From<SignedIn> for SignIn {
    fn from(signed_in: SignedIn) -> Self {
        Self::SignedIn(Box::new(signed_in))
    }
}

impl SignedIn {
    /// The tokens of a session that was opened just now.
    ///
    /// # Errors
    /// If signing fails, which it has no reason to.
    pub fn issue(app: &App, OpenedSession { user, session }: OpenedSession) -> Result<Self, Fault> {
        let now = session.created_at.0;
        Self::reissue(app, user, session, now, now)
    }

    /// A fresh access token for the viewer's session, for its user as they are now. It says of the session what the viewer's own
    /// token says: a stolen token must not be traded for a better one.
    ///
    /// # Errors
    /// If signing fails, which it has no reason to.
    pub fn go_on(
        app: &App,
        user: user::Model,
        session: session::Model,
        viewer: &Viewer,
    ) -> Result<Self, Fault> {
        let now = app.clock.now();
        let access_token = viewer.access_token(app, &user, &session, viewer.authenticated_at, now)?;
        let refresh_expires_in = (session.expires_at.0 - now).whole_seconds().max(0);
        Ok(Self {
            user,
            session,
            access_token,
            refresh_token: None,
            refresh_expires_in,
            email_challenge: None,
        })
    }

    /// The newest tokens of a session: the same for the same `issued_at`.
    fn reissue(
        app: &App,
        user: user::Model,
        session: session::Model,
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let access_token =
            app.tokens.access_token(&session, &user, issued_at, now).map_err(Fault::internal)?;
        let refresh_token = Some(app.tokens.refresh_token(session.id, session.counter));
        let refresh_expires_in = (session.expires_at.0 - now).whole_seconds().max(0);
        Ok(Self { user, session, access_token, refresh_token, refresh_expires_in, email_challenge: None })
    }
}
