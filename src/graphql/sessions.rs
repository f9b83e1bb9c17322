//! Sessions: signing in, staying signed in, signing out.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    caller,
    error::ApiError,
    jwt_guard::{Caller, viewer},
    outcomes::{RefreshResult, SignInResult},
    reauthentication::AuthenticationMethod,
    user::User,
    verification::EmailChallenge,
};
use crate::{
    app::App,
    sessions::{self, RefreshError, SignedIn},
    storage::session,
};

/// The mutations of sessions.
#[derive(Default)]
pub struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Signs in with a username or an email address, and a password. A right password on an unproven address answers with a
    /// challenge where verification is mandatory. Anybody may ask.
    /// Errors: `INVALID_INPUT`, `INVALID_CREDENTIALS`, `ACCOUNT_DISABLED`, `RATE_LIMITED`, `SERVER_BUSY`.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in, and the proof.")] input: LoginInput,
    ) -> Result<SignInResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let input = sessions::LoginInput { identifier: input.identifier, password: input.password.into() };
        Ok(match sessions::login(app, &caller.client, input).await {
            Ok(sign_in) => SignInResult::deliver(app, caller, sign_in),
            Err(error) => SignInResult::UserError(error.try_into()?),
        })
    }

    /// Trades a refresh token for a new pair. Asking again with the same token gives the same pair while nobody has used it, or
    /// to another client a pair in its place; after that it ends the session, for then the token has two holders. Without an
    /// argument it is the cookie's token, and so is the next. Anybody may ask.
    /// Errors: `INVALID_INPUT`, `INVALID_TOKEN`, `SERVER_BUSY`.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest refresh token of the session.", secret)] refresh_token: Option<String>,
    ) -> Result<RefreshResult, ApiError> {
        let (app, caller) = caller(ctx)?;
        let token = caller.delivery.given(refresh_token.as_deref());
        let refreshed = sessions::refresh(app, &caller.client, token).await;
        if refresh_token.is_none() && matches!(refreshed, Err(RefreshError::InvalidToken)) {
            caller.delivery.clear();
        }
        Ok(match refreshed {
            Ok(signed_in) => {
                RefreshResult::AuthPayload(Box::new(AuthPayload::deliver(app, caller, signed_in)))
            }
            Err(error) => RefreshResult::UserError(error.try_into()?),
        })
    }

    /// Ends the session of the refresh token given, else of the cookie's, else of the access token. Ending an ended session is
    /// no error. Anybody may ask.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any refresh token of the session.", secret)] refresh_token: Option<String>,
    ) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let token = caller.delivery.given(refresh_token.as_deref());
        let ended = Vec::from_iter(sessions::logout(app, token, caller.access_token()).await?);
        if refresh_token.is_none() {
            caller.delivery.clear();
        }
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }

    /// Ends every session of the viewer, this one included.
    async fn logout_all(&self, ctx: &Context<'_>) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let ended = sessions::logout_all(app, viewer(ctx)?).await?;
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }

    /// Ends one session of the viewer. What is no live session of theirs is left alone, which is no error.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's.")] id: ID,
    ) -> Result<SessionsEnded, ApiError> {
        let (app, caller) = caller(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(SessionsEnded::from(Vec::new())) };
        let is_ended = sessions::revoke_session(app, viewer(ctx)?, id).await?;
        let ended = Vec::from_iter(is_ended.then_some(id));
        caller.delivery.ended(app, &ended);
        Ok(ended.into())
    }
}

/// What to sign in with.
#[derive(InputObject)]
pub struct LoginInput {
    /// A username or an email address; at most 254 bytes.
    identifier: String,
    /// The password; at most 128 characters.
    #[graphql(secret)]
    password: String,
}

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

/// A sign-in that lasts, on one device.
pub struct Session {
    row: session::Model,
    is_current: bool,
}

impl Session {
    /// A row, as seen from a session.
    #[must_use]
    pub fn new(row: session::Model, current: Option<Uuid>) -> Self {
        Self { is_current: current == Some(row.id), row }
    }

    /// The same without what it tells of the device and of where that is.
    #[must_use]
    pub fn without_device(self) -> Self {
        Self { row: session::Model { user_agent: None, ip_address: None, ..self.row }, ..self }
    }
}

/// A sign-in that lasts, on one device.
#[Object]
impl Session {
    /// Opaque, and never reused. The `sid` of its access tokens.
    async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The sign-in.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// The last sign-in or refresh.
    async fn last_used_at(&self) -> OffsetDateTime {
        self.row.last_used_at.0
    }

    /// When it ends unless it is refreshed before.
    async fn expires_at(&self) -> OffsetDateTime {
        self.row.expires_at.0
    }

    /// What the client said it is, at most 255 characters of it. Null if it said nothing, or if the viewer may not see it: see
    /// `User.sessions`.
    async fn user_agent(&self) -> Option<&str> {
        self.row.user_agent.as_deref()
    }

    /// Where the client signed in from. Null if that is not known, or if the viewer may not see it: see `User.sessions`.
    async fn ip_address(&self) -> Option<&str> {
        self.row.ip_address.as_deref()
    }

    /// When its user last proved who they are: at the sign-in, or later by `reauthenticate`.
    async fn authenticated_at(&self) -> OffsetDateTime {
        self.row.authenticated_at.0
    }

    /// How they proved it.
    async fn methods(&self) -> Vec<AuthenticationMethod> {
        self.row.methods().into_iter().map(Into::into).collect()
    }

    /// Whether this request is part of it.
    async fn is_current(&self) -> bool {
        self.is_current
    }
}

/// Which sessions were ended.
#[derive(SimpleObject)]
pub struct SessionsEnded {
    /// Their ids; those that had ended before are not among them.
    ended_session_ids: Vec<ID>,
}

/// The password is the new one.
#[derive(SimpleObject)]
pub struct PasswordChanged {
    /// The sessions that ended with the old one.
    ended_session_ids: Vec<ID>,
}

impl From<Vec<Uuid>> for PasswordChanged {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}

impl From<Vec<Uuid>> for SessionsEnded {
    fn from(ids: Vec<Uuid>) -> Self {
        Self { ended_session_ids: ids.into_iter().map(ID::from).collect() }
    }
}

pub(super) fn seconds(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
