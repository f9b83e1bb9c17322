//! A session with its tokens.

use async_graphql::{SimpleObject, Union};
use secrecy::ExposeSecret;

use super::{
    email_challenge::EmailChallenge, second_factor_challenge::SecondFactorChallenge, session::Session,
    user::User,
};
use crate::{
    app::App,
    graphql::{
        caller::Caller,
        numbers::seconds,
        refusal::{ErrorCode, UserError},
        unhandled::{GrowingUnion, LaterMember},
    },
    sessions::{SignIn, SignedIn},
    telemetry,
};

/// A session with its user and its pair of tokens. The token fields have the names that RFC 6749 defines, in
/// camel case.
#[derive(SimpleObject)]
pub struct AuthPayload {
    /// The user of the session.
    user: User,
    /// The session.
    session: Session,
    /// The access token: a JWT for the `Authorization: Bearer …` header.
    access_token: String,
    /// The type of the access token: always `Bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: i32,
    /// The refresh token, which works once. Null if it is delivered in a cookie, which clients request with the header
    /// `X-Token-Delivery: cookie`. Also null if the viewer's session continues: keep the current refresh token.
    refresh_token: Option<String>,
    /// Seconds until the refresh token expires.
    refresh_expires_in: i32,
    /// The challenge that was emailed to verify the email address. Null if none was sent.
    email_challenge: Option<EmailChallenge>,
}

impl AuthPayload {
    /// Converts a sign-in or refresh, and delivers its refresh token the way the caller requested.
    #[must_use]
    pub fn deliver(app: &App, caller: &Caller, signed_in: SignedIn) -> Self {
        let current = Some(signed_in.session.id);
        telemetry::note(|notes| notes.user_id = Some(signed_in.user.id));
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

/// The result of signing up or signing in. New members may be added for further steps. If the result is a `SecondFactorChallenge`
/// or a member added later, and the document does not select that member, a `UserError` is returned instead.
#[derive(Union)]
pub enum SignInResult {
    /// The user is signed in.
    AuthPayload(Box<AuthPayload>),
    /// An emailed code or link must be used first.
    EmailChallenge(EmailChallenge),
    /// A second factor is required.
    SecondFactorChallenge(SecondFactorChallenge),
    /// The request was refused.
    UserError(UserError),
}

impl GrowingUnion for SignInResult {
    fn later_member(&self) -> Option<LaterMember> {
        match self {
            Self::SecondFactorChallenge(_) => Some(LaterMember {
                name: "SecondFactorChallenge",
                code: ErrorCode::SecondFactorRequired,
                message: "This account requires a second factor, which this app does not support. Update the app, or sign in \
                          elsewhere.",
            }),
            Self::AuthPayload(_) | Self::EmailChallenge(_) | Self::UserError(_) => None,
        }
    }

    fn of_error(error: UserError) -> Self {
        Self::UserError(error)
    }
}

impl SignInResult {
    /// Converts a sign-in, and delivers its refresh token the way the caller requested.
    #[must_use]
    pub fn deliver(app: &App, caller: &Caller, sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::SignedIn(signed_in) => {
                Self::AuthPayload(Box::new(AuthPayload::deliver(app, caller, *signed_in)))
            }
            SignIn::EmailChallenge(asked) => Self::EmailChallenge((*asked).into()),
            SignIn::SecondFactor(challenge) => {
                Self::SecondFactorChallenge(SecondFactorChallenge::new(app, *challenge))
            }
        }
    }
}

/// The result of exchanging a refresh token.
#[derive(Union)]
pub enum RefreshResult {
    /// The new pair of tokens.
    AuthPayload(Box<AuthPayload>),
    /// The request was refused.
    UserError(UserError),
}
