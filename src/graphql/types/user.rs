//! Users.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, Object, Union};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    identity::Identity, passkey::Passkey, second_factor_challenge::SecondFactorMethod, session::Session,
};
use crate::{
    accounts,
    app::App,
    fault::Failure,
    graphql::{
        caller::{caller, viewer},
        error::ApiError,
        numbers::length,
        refusal::UserError,
    },
    sessions,
    storage::{Timestamp, identity, passkey, recovery_code, session, user},
};

/// A user of the server.
#[derive(Clone)]
pub struct User {
    row: Arc<user::Model>,
    siblings: Arc<Siblings>,
}

/// The users that one field returns. Data such as their sessions is read for all these users together, and only once, however often
/// the document selects the data.
struct Siblings {
    ids: Vec<Uuid>,
    current_session: Option<Uuid>,
    sessions: OnceCell<HashMap<Uuid, Vec<session::Model>>>,
    identities: OnceCell<HashMap<Uuid, Vec<identity::Model>>>,
    passkeys: OnceCell<HashMap<Uuid, Vec<passkey::Model>>>,
    /// For each user, a list that contains the user's ID once for each usable recovery code.
    recovery_codes: OnceCell<HashMap<Uuid, Vec<Uuid>>>,
}

impl User {
    /// Creates a user from a row; `current_session` is the viewer's session.
    #[must_use]
    pub fn new(row: impl Into<Arc<user::Model>>, current_session: Option<Uuid>) -> Self {
        let row = row.into();
        let siblings = Arc::new(Siblings::new(vec![row.id], current_session));
        Self { row, siblings }
    }

    /// Creates users from rows; `current_session` is the viewer's session.
    #[must_use]
    pub fn page(rows: Vec<user::Model>, current_session: Option<Uuid>) -> Vec<Self> {
        let siblings = Arc::new(Siblings::new(rows.iter().map(|row| row.id).collect(), current_session));
        rows.into_iter().map(|row| Self { row: row.into(), siblings: siblings.clone() }).collect()
    }

    /// Returns the ID of the row.
    #[must_use]
    pub fn row_id(&self) -> Uuid {
        self.row.id
    }
}

/// Returns the viewer as they are after the request's change, or `None` if the request's access token no longer works.
pub(super) async fn remaining_viewer(ctx: &Context<'_>) -> Option<Result<User, ApiError>> {
    let (app, caller) = caller(ctx).ok()?;
    match sessions::viewer(app, caller.access_token()).await {
        Ok(viewer) => Some(Ok(User::new(viewer.user, Some(viewer.session.id)))),
        Err(Failure::Refused(_)) => None,
        Err(Failure::Fault(fault)) => Some(Err(fault.into())),
    }
}

impl Siblings {
    fn new(ids: Vec<Uuid>, current_session: Option<Uuid>) -> Self {
        Self {
            ids,
            current_session,
            sessions: OnceCell::new(),
            identities: OnceCell::new(),
            passkeys: OnceCell::new(),
            recovery_codes: OnceCell::new(),
        }
    }
}

fn by_user<T>(rows: Vec<T>, user_id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut all: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        all.entry(user_id(&row)).or_default().push(row);
    }
    all
}

/// A user of the server.
#[Object]
impl User {
    /// The ID of the user: opaque and never reused.
    pub async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The email address, as the user entered it. Null if the account has only a username.
    async fn email(&self) -> Option<&str> {
        self.row.email.as_deref()
    }

    /// Whether the email address is verified.
    async fn email_verified(&self) -> bool {
        self.row.email_verified_at.is_some()
    }

    /// The username to sign in with, as the user entered it. Null if not set.
    async fn username(&self) -> Option<&str> {
        self.row.username.as_deref()
    }

    /// The full name or, if it is not set, the first and last name joined. Null if none of them is set.
    async fn name(&self) -> Option<Cow<'_, str>> {
        self.row.full_name()
    }

    /// The first name. Null if not set.
    async fn first_name(&self) -> Option<&str> {
        self.row.first_name.as_deref()
    }

    /// The last name. Null if not set.
    async fn last_name(&self) -> Option<&str> {
        self.row.last_name.as_deref()
    }

    /// A short text about the user. Null if not set.
    async fn bio(&self) -> Option<&str> {
        self.row.bio.as_deref()
    }

    /// The https URL of a picture. Null if not set.
    async fn avatar_url(&self) -> Option<&str> {
        self.row.avatar_url.as_deref()
    }

    /// The role, which determines what the user may do.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// Whether the user can sign in.
    async fn is_active(&self) -> bool {
        self.row.is_active
    }

    /// Whether the user has a password. If false, `changePassword` sets the first one.
    async fn has_password(&self) -> bool {
        self.row.password_hash.is_some()
    }

    /// When the account was created.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// When the profile was last updated.
    async fn updated_at(&self) -> OffsetDateTime {
        self.row.updated_at.0
    }

    /// When the user last signed in. Null if never.
    async fn last_login_at(&self) -> Option<OffsetDateTime> {
        self.row.last_login_at.map(|at| at.0)
    }

    /// The active sessions, newest first; at most as many as the server's setting `MAX_SESSIONS_PER_USER` allows. Their `ipAddress`
    /// and `userAgent` are visible to the user, to superusers, and to staff if the user's role is `USER`; for others they are null.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>();
        let read = || async {
            let now = Timestamp(app.clock.now());
            let rows = session::list_live(app.db.read(), &self.siblings.ids, now).await?;
            Ok::<_, ApiError>(by_user(rows, |row| row.user_id))
        };
        let live = self.siblings.sessions.get_or_try_init(read).await?.get(&self.row.id);
        let live = live.map(Vec::as_slice).unwrap_or_default();
        let current = self.siblings.current_session;
        let sees_devices = live.iter().any(|row| current == Some(row.id))
            || viewer(ctx).is_ok_and(|viewer| accounts::may_see_devices(&viewer.user, &self.row));
        let sees_second_factors = self.sees_second_factors(ctx);
        let session = |row: &session::Model| {
            let session = Session::new(row.clone(), current);
            let session = if sees_devices { session } else { session.without_device() };
            if sees_second_factors { session } else { session.without_second_factors() }
        };
        Ok(live.iter().map(session).collect())
    }

    /// The linked accounts at sign-in providers, in the order of linking.
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<Identity>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>();
        let read = || async {
            let rows = identity::list(app.db.read(), &self.siblings.ids).await?;
            Ok::<_, ApiError>(by_user(rows, |row| row.user_id))
        };
        let identities = self.siblings.identities.get_or_try_init(read).await?.get(&self.row.id);
        Ok(identities.into_iter().flatten().cloned().map(Identity::from).collect())
    }

    /// The methods with which the user can prove a second factor: passkeys, an authenticator app, and recovery codes if any are
    /// left. Visible to the user and to superusers; for others, empty.
    async fn second_factors(&self, ctx: &Context<'_>) -> Result<Vec<SecondFactorMethod>, ApiError> {
        if !self.sees_second_factors(ctx) {
            return Ok(Vec::new());
        }
        let mut methods = self.row.second_factors();
        if self.count_recovery_codes(ctx).await? > 0 {
            methods.push(user::SecondFactorMethod::RecoveryCode);
        }
        Ok(methods.into_iter().map(Into::into).collect())
    }

    /// The passkeys, in the order in which they were added. Visible to the user and to superusers; for others, empty.
    async fn passkeys(&self, ctx: &Context<'_>) -> Result<Vec<Passkey>, ApiError> {
        if !self.sees_second_factors(ctx) || !self.row.has_passkey() {
            return Ok(Vec::new());
        }
        let app = ctx.data_unchecked::<Arc<App>>();
        let read = || async {
            let rows = passkey::list(app.db.read(), &self.siblings.ids).await?;
            Ok::<_, ApiError>(by_user(rows, |row| row.user_id))
        };
        let passkeys = self.siblings.passkeys.get_or_try_init(read).await?.get(&self.row.id);
        Ok(passkeys.into_iter().flatten().cloned().map(Passkey::from).collect())
    }

    /// Whether the server requires the user to set up a second factor before doing anything else (its setting `SECOND_FACTOR`).
    async fn enrolment_required(&self, ctx: &Context<'_>) -> bool {
        self.sees_second_factors(ctx) && sessions::must_enroll(ctx.data_unchecked::<Arc<App>>(), &self.row)
    }

    /// The number of unused recovery codes. Visible to the user and to superusers; for others, 0.
    async fn recovery_codes_left(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        if self.sees_second_factors(ctx) { Ok(length(self.count_recovery_codes(ctx).await?)) } else { Ok(0) }
    }
}

impl User {
    fn sees_second_factors(&self, ctx: &Context<'_>) -> bool {
        // a sign-in request has no viewer, but its response shows users their own account
        viewer(ctx).map_or(self.siblings.current_session.is_some(), |viewer| {
            accounts::may_see_second_factors(&viewer.user, &self.row)
        })
    }

    async fn count_recovery_codes(&self, ctx: &Context<'_>) -> Result<usize, ApiError> {
        if !self.row.has_second_factor() {
            return Ok(0);
        }
        let app = ctx.data_unchecked::<Arc<App>>();
        let read = || async {
            let codes = recovery_code::list_usable(app.db.read(), &self.siblings.ids).await?;
            Ok::<_, ApiError>(by_user(codes, |user_id| *user_id))
        };
        let codes = self.siblings.recovery_codes.get_or_try_init(read).await?.get(&self.row.id);
        Ok(codes.map_or(0, Vec::len))
    }
}

/// The role of a user. Each role includes the permissions of the previous ones.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "user::Role")]
pub enum Role {
    /// Can use their own account.
    User,
    /// Can view all accounts.
    Staff,
    /// Can change all accounts.
    Superuser,
}

/// The result of changing an account.
#[derive(Union)]
pub enum UserResult {
    /// The user after the change.
    User(Box<User>),
    /// The request was refused.
    UserError(UserError),
}
