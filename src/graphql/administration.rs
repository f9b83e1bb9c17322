//! Other people's accounts: staff sees them, superusers change them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use uuid::Uuid;

use super::{
    caller::{caller, viewer},
    error::ApiError,
    refusal::{ErrorCode, UserError},
    types::user::{Role, User, UserResult},
};
use crate::{
    accounts::{self, AdministrationRefusal, PageInput},
    fault::Failure,
    storage::{user, user_list::Filter},
};

/// The queries of administration.
#[derive(Default)]
pub struct AdministrationQuery;

#[Object]
impl AdministrationQuery {
    /// One user by id. Users may read themselves, staff may read everyone; anything else is null.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's.")] id: ID,
    ) -> Result<Option<User>, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
        let found = accounts::user(app, viewer, id).await?;
        Ok(found.map(|user| User::new(user, Some(viewer.session.id))))
    }

    /// All users, newest first, by keyset cursor: while users are added, going on from a cursor neither skips nor repeats any.
    /// 20 at a time unless said, at most 100. A forged cursor is `BAD_REQUEST`.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the beginning of the list; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only those for whom all of this holds.")] filter: Option<UserFilter>,
    ) -> Result<UserConnection, ApiError> {
        let (app, _) = caller(ctx)?;
        let page = PageInput { first, after, last, before };
        let filter = filter.map(Filter::from).unwrap_or_default();
        let page = accounts::users(app, page, filter).await?;
        let users = User::page(page.users, Some(viewer(ctx)?.session.id));
        let cursor = |user: Option<&User>| user.map(|user| app.tokens.cursor(user.row_id()));
        let page_info = PageInfo {
            has_next_page: page.has_next_page,
            has_previous_page: page.has_previous_page,
            start_cursor: cursor(users.first()),
            end_cursor: cursor(users.last()),
        };
        Ok(UserConnection { users, page_info, filter: page.filter })
    }
}

/// The mutations of administration.
#[derive(Default)]
pub struct AdministrationMutation;

#[Object]
impl AdministrationMutation {
    /// Changes the role of another user. The last superuser keeps theirs. Needs a recent proof: see `reauthenticate`.
    async fn set_user_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's.")] id: ID,
        #[graphql(desc = "What they may do from now on.")] role: Role,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(not_found()) };
        user_result(accounts::set_user_role(app, viewer, id, role.into()).await, viewer.session.id)
    }

    /// Activates or deactivates another user. Deactivating ends the user's sessions, and makes void every
    /// code and link that was mailed. Needs a recent proof: see `reauthenticate`.
    async fn set_user_active(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's.")] id: ID,
        #[graphql(desc = "Whether they may sign in from now on.")] active: bool,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(not_found()) };
        user_result(accounts::set_user_active(app, viewer, id, active).await, viewer.session.id)
    }
}

fn user_result(
    outcome: Result<user::Model, Failure<AdministrationRefusal>>,
    current_session: Uuid,
) -> Result<UserResult, ApiError> {
    Ok(match outcome {
        Ok(user) => UserResult::User(Box::new(User::new(user, Some(current_session)))),
        Err(error) => UserResult::UserError(error.try_into()?),
    })
}

/// The answer to an id that no user can have.
fn not_found() -> UserResult {
    UserResult::UserError(AdministrationRefusal::NotFound.into())
}

/// Conditions on users, joined by `and`.
#[derive(InputObject)]
pub struct UserFilter {
    /// The beginning of an email address, username, first, last or full name, ignoring case; two characters or more.
    search: Option<String>,
    /// What they may do.
    role: Option<Role>,
    /// Whether they may sign in.
    is_active: Option<bool>,
    /// Whether they have proven their email address.
    email_verified: Option<bool>,
}

impl From<UserFilter> for Filter {
    fn from(filter: UserFilter) -> Self {
        Self {
            search: filter.search,
            role: filter.role.map(Into::into),
            is_active: filter.is_active,
            email_verified: filter.email_verified,
        }
    }
}

/// A page of users.
pub struct UserConnection {
    users: Vec<User>,
    page_info: PageInfo,
    filter: Filter,
}

/// A page of users, after the Relay connection specification.
#[Object]
impl UserConnection {
    /// The users, each with its cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Result<Vec<UserEdge>, ApiError> {
        let (app, _) = caller(ctx)?;
        let edge = |user: &User| UserEdge { cursor: app.tokens.cursor(user.row_id()), node: user.clone() };
        Ok(self.users.iter().map(edge).collect())
    }

    /// The users.
    async fn nodes(&self) -> &[User] {
        &self.users
    }

    /// Where the page is in the list.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many users there are on all pages. Counted only when selected, which takes longer the more there are.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let (app, _) = caller(ctx)?;
        let count = accounts::count_users(app, &self.filter).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A user in a list.
#[derive(SimpleObject)]
pub struct UserEdge {
    /// Where the user is in the list, for `after` and `before`. Opaque.
    cursor: String,
    /// The user.
    node: User,
}

/// Where a page is in a list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there is more after this page.
    has_next_page: bool,
    /// Whether there is more before this page.
    has_previous_page: bool,
    /// The cursor of the first on the page. Null where the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last on the page. Null where the page is empty.
    end_cursor: Option<String>,
}

impl From<AdministrationRefusal> for UserError {
    fn from(refusal: AdministrationRefusal) -> Self {
        match refusal {
            AdministrationRefusal::NotFound => Self::new(ErrorCode::NotFound, "There is no such user."),
            AdministrationRefusal::NotAllowed => Self::new(
                ErrorCode::NotAllowed,
                "You cannot change your own account this way, and you must be a superuser.",
            ),
            AdministrationRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
