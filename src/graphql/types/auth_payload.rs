//! A session with its tokens.

use async_graphql::{SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{email_challenge::EmailChallenge, session::Session, user::User};
use crate::{
    app::App,
    graphql::{caller::Caller, numbers::seconds, refusal::UserError},
    sessions::{SignIn, SignedIn},
};

/// A signed-in session: whose it is, and its pair of tokens, named after RFC 6749.
#[derive(SimpleObject)]
pub struct AuthPayload {
    /// Whose session it is.
    user: User,
    /// The session.
    session: Session,
    /// A JWT, for the header `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: i32,
    /// Single use. Null where it travels in a cookie, see the header `X-Token-Delivery`; and where the viewer's session goes on:
    /// keep the one you have.
    refresh_token: Option<String>,
    /// Seconds until the refresh token expires.
    refresh_expires_in: i32,
    /// Set where an address still awaits its proof and a mail was sent; null otherwise.
    email_challenge: Option<EmailChallenge>,
}

impl AuthPayload {
    /// The answer to a sign-in or a refresh, its refresh token delivered as the caller asked.
    #[must_use]
    pub fn deliver(app: &App, caller: &Caller, signed_in: SignedIn) -> Self {
        let current = Some(signed_in.session.id);
        Self {
            refresh_token: caller.delivery.send(app, &signed_in),
            user: User::new(signed_in.user, current),
            session: Session::new(signed_in.session, current),
            access_token: signed_in.access_token.token.expose_secret().to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: seconds(signed_in.access_token.expires_in),
            refresh_expires_in: seconds(signed_in.refresh_expires_in),
            email_challenge: signed_in.email_challenge.map(EmailChallenge::from),
        }
    }
}

/// What signing up or in comes to. New steps of signing in, such as a second factor, may appear as further members: keep a
/// default branch.
#[derive(Union)]
pub enum SignInResult {
    /// Signed in.
    AuthPayload(Box<AuthPayload>),
    /// Something was mailed, and is awaited first.
    EmailChallenge(EmailChallenge),
    /// Refused.
    UserError(UserError),
}

impl SignInResult {
    /// What it came to, its refresh token delivered as the caller asked.
    #[must_use]
    pub fn deliver(app: &App, caller: &Caller, sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::SignedIn(signed_in) => {
                Self::AuthPayload(Box::new(AuthPayload::deliver(app, caller, *signed_in)))
            }
            SignIn::EmailChallenge(asked) => Self::EmailChallenge((*asked).into()),
        }
    }
}

/// What trading a refresh token comes to.
#[derive(Union)]
pub enum RefreshResult {
    /// The next pair of tokens.
    AuthPayload(Box<AuthPayload>),
    /// Refused.
    UserError(UserError),
}
