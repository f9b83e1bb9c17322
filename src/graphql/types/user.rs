//! Users.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, Object, Union};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{identity::Identity, session::Session};
use crate::{
    accounts,
    app::App,
    graphql::{caller::viewer, error::ApiError, refusal::UserError},
    storage::{Timestamp, identity, session, user},
};

/// A person with an account.
#[derive(Clone)]
pub struct User {
    row: Arc<user::Model>,
    siblings: Arc<Siblings>,
}

/// Users that one field answers with. What is asked of the database for one of them is asked for all, once, however often the
/// document selects it.
struct Siblings {
    ids: Vec<Uuid>,
    current_session: Option<Uuid>,
    sessions: OnceCell<HashMap<Uuid, Vec<session::Model>>>,
    identities: OnceCell<HashMap<Uuid, Vec<identity::Model>>>,
}

impl User {
    /// A row, as seen from a session.
    #[must_use]
    pub fn new(row: impl Into<Arc<user::Model>>, current_session: Option<Uuid>) -> Self {
        let row = row.into();
        let siblings = Arc::new(Siblings::new(vec![row.id], current_session));
        Self { row, siblings }
    }

    /// Rows, as seen from a session.
    #[must_use]
    pub fn page(rows: Vec<user::Model>, current_session: Option<Uuid>) -> Vec<Self> {
        let siblings = Arc::new(Siblings::new(rows.iter().map(|row| row.id).collect(), current_session));
        rows.into_iter().map(|row| Self { row: row.into(), siblings: siblings.clone() }).collect()
    }

    /// The row's.
    #[must_use]
    pub fn row_id(&self) -> Uuid {
        self.row.id
    }
}

impl Siblings {
    fn new(ids: Vec<Uuid>, current_session: Option<Uuid>) -> Self {
        Self { ids, current_session, sessions: OnceCell::new(), identities: OnceCell::new() }
    }
}

fn by_user<T>(rows: Vec<T>, user_id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut all: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        all.entry(user_id(&row)).or_default().push(row);
    }
    all
}

/// A person with an account.
#[Object]
impl User {
    /// Opaque, and never reused.
    async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// The address as its owner writes it. Null for accounts that signed up with a username alone.
    async fn email(&self) -> Option<&str> {
        self.row.email.as_deref()
    }

    /// Whether the owner of the account has proven that the address is theirs.
    async fn email_verified(&self) -> bool {
        self.row.email_verified_at.is_some()
    }

    /// The name to sign in with, as its owner writes it. Null where there is none.
    async fn username(&self) -> Option<&str> {
        self.row.username.as_deref()
    }

    /// The full name as given, else first and last name joined. Null where none was given.
    async fn name(&self) -> Option<Cow<'_, str>> {
        self.row.full_name()
    }

    /// The given name. Null where none was given.
    async fn first_name(&self) -> Option<&str> {
        self.row.first_name.as_deref()
    }

    /// The family name. Null where none was given.
    async fn last_name(&self) -> Option<&str> {
        self.row.last_name.as_deref()
    }

    /// What people say of themselves. Null where they say nothing.
    async fn bio(&self) -> Option<&str> {
        self.row.bio.as_deref()
    }

    /// A picture, by an https URL. Null where there is none.
    async fn avatar_url(&self) -> Option<&str> {
        self.row.avatar_url.as_deref()
    }

    /// What the person may do.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// Whether the person may sign in.
    async fn is_active(&self) -> bool {
        self.row.is_active
    }

    /// False where the person has only ever signed in by other means; `changePassword` then sets one.
    async fn has_password(&self) -> bool {
        self.row.password_hash.is_some()
    }

    /// When the account began.
    async fn created_at(&self) -> OffsetDateTime {
        self.row.created_at.0
    }

    /// When the profile was last changed.
    async fn updated_at(&self) -> OffsetDateTime {
        self.row.updated_at.0
    }

    /// When the person last signed in. Null if never.
    async fn last_login_at(&self) -> Option<OffsetDateTime> {
        self.row.last_login_at.map(|at| at.0)
    }

    /// Live sessions, the newest first; there are never more than `MAX_SESSIONS_PER_USER`. Their `ipAddress` and `userAgent` are
    /// shown to the user, to superusers, and to staff if the user's role is `USER`; to others they are null.
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
        let session = |row: &session::Model| {
            let session = Session::new(row.clone(), current);
            if sees_devices { session } else { session.without_device() }
        };
        Ok(live.iter().map(session).collect())
    }

    /// Accounts elsewhere that sign this person in, in the order in which they were linked.
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<Identity>, ApiError> {
        let app = ctx.data_unchecked::<Arc<App>>();
        let read = || async {
            let rows = identity::list(app.db.read(), &self.siblings.ids).await?;
            Ok::<_, ApiError>(by_user(rows, |row| row.user_id))
        };
        let identities = self.siblings.identities.get_or_try_init(read).await?.get(&self.row.id);
        Ok(identities.into_iter().flatten().cloned().map(Identity::from).collect())
    }
}

/// What a person may do. Each may do what those before may.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "user::Role")]
pub enum Role {
    /// Use their own account.
    User,
    /// See everybody's account.
    Staff,
    /// Change everybody's account.
    Superuser,
}

/// What changing an account comes to.
#[derive(Union)]
pub enum UserResult {
    /// The user as they are now.
    User(Box<User>),
    /// Refused.
    UserError(UserError),
}
