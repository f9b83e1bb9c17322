//! The result of signing in: a session with its tokens, or a challenge.

use secrecy::SecretString;
use time::OffsetDateTime;

use super::{
    open::OpenedSession,
    second_factor_challenge::SecondFactorChallenge,
    viewer::{Viewer, audience},
};
use crate::{
    app::App,
    challenges::IssuedChallenge,
    fault::Fault,
    storage::{session, user},
    tokens::AccessToken,
};

/// A session with its user and its pair of tokens.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: user::Model,
    /// The session.
    pub session: session::Model,
    /// The access token.
    pub access_token: AccessToken,
    /// The refresh token. `None` if an existing session continues, because the client keeps its current refresh token.
    pub refresh_token: Option<SecretString>,
    /// The number of seconds until the refresh token expires.
    pub refresh_expires_in: i64,
    /// The challenge that was emailed, if the email address is not verified yet.
    pub email_challenge: Option<IssuedChallenge>,
}

/// The outcome of signing up or signing in.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// A session was opened.
    SignedIn(Box<SignedIn>),
    /// The email address must be proven first.
    EmailChallenge(Box<IssuedChallenge>),
    /// A second factor must be proven first.
    SecondFactor(Box<SecondFactorChallenge>),
}

impl From<SignedIn> for SignIn {
    fn from(signed_in: SignedIn) -> Self {
        Self::SignedIn(Box::new(signed_in))
    }
}

impl SignedIn {
    /// Issues the tokens of a session that has just been opened.
    pub fn issue(app: &App, OpenedSession { user, session }: OpenedSession) -> Result<Self, Fault> {
        let now = session.created_at.0;
        Self::reissue(app, user, session, now, now)
    }

    /// Issues another access token for the viewer's session, with the user's current data. The token repeats what the
    /// viewer's own token claims about the session, because a thief must not be able to exchange a stolen token for a
    /// better one.
    pub fn go_on(
        app: &App,
        user: user::Model,
        session: session::Model,
        viewer: &Viewer,
    ) -> Result<Self, Fault> {
        let now = app.clock.now();
        let access_token =
            viewer.access_token(app, &user, &session, (viewer.authenticated_at, viewer.amr), now)?;
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

    /// Issues the newest tokens of a session. The same `issued_at` always results in the same tokens.
    pub(super) fn reissue(
        app: &App,
        user: user::Model,
        session: session::Model,
        issued_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let access_token = app
            .tokens
            .access_token(&session, &user, audience(app, &user), issued_at, now)
            .map_err(Fault::internal)?;
        let refresh_token = Some(app.tokens.refresh_token(session.id, session.counter));
        let refresh_expires_in = (session.expires_at.0 - now).whole_seconds().max(0);
        Ok(Self { user, session, access_token, refresh_token, refresh_expires_in, email_challenge: None })
    }
}
