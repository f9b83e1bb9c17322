//! Administration of other users' accounts. Staff can view the accounts, and superusers can change them.

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

/// The queries for administration.
#[derive(Default)]
pub struct AdministrationQuery;

#[Object]
impl AdministrationQuery {
    /// A user by ID. Null if there is no such user, or if the viewer is neither that user nor staff.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the user.")] id: ID,
    ) -> Result<Option<User>, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
        let found = accounts::user(app, viewer, id).await?;
        Ok(found.map(|user| User::new(user, Some(viewer.session.id))))
    }

    /// A page of users, newest first. Paging by cursor neither skips nor repeats users, even while users are added. Null if the
    /// viewer's role does not allow it (`FORBIDDEN`), or if an argument is invalid (`BAD_REQUEST`).
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of users to return from the beginning of the list; at most 100. Ignored if `last` is given.",
            default_with = "Some(accounts::DEFAULT_PAGE)"
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns only users after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of users to return from the end of the list; at most 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns only users before this cursor.")] before: Option<String>,
        #[graphql(desc = "Returns only users who match every condition.")] filter: Option<UserFilter>,
    ) -> Result<Option<UserConnection>, ApiError> {
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
        Ok(Some(UserConnection { users, page_info, filter: page.filter }))
    }
}

/// The mutations for administration.
#[derive(Default)]
pub struct AdministrationMutation;

#[Object]
impl AdministrationMutation {
    /// Changes the role of another user. The role of the last superuser cannot be changed. Requires recent reauthentication;
    /// see `reauthenticate`.
    async fn set_user_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the user.")] id: ID,
        #[graphql(desc = "The new role.")] role: Role,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(not_found()) };
        user_result(accounts::set_user_role(app, viewer, id, role.into()).await, viewer.session.id)
    }

    /// Activates or deactivates another user. Deactivating ends the user's sessions and invalidates every emailed code and
    /// link. Requires recent reauthentication; see `reauthenticate`.
    async fn set_user_active(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the user.")] id: ID,
        #[graphql(desc = "Whether the user can sign in from now on.")] active: bool,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(not_found()) };
        user_result(accounts::set_user_active(app, viewer, id, active).await, viewer.session.id)
    }

    /// Removes all second factors of another user who has lost them. The user gets a notice with a link that restores
    /// them. Requires recent reauthentication; see `reauthenticate`.
    async fn reset_second_factors(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the user.")] id: ID,
    ) -> Result<UserResult, ApiError> {
        let (app, _) = caller(ctx)?;
        let viewer = viewer(ctx)?;
        let Ok(id) = id.parse::<Uuid>() else { return Ok(not_found()) };
        user_result(accounts::reset_second_factors(app, viewer, id).await, viewer.session.id)
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

/// Returns the refusal for an ID that no user can have.
fn not_found() -> UserResult {
    UserResult::UserError(AdministrationRefusal::NotFound.into())
}

/// Conditions on users. A user must match all of them.
#[derive(InputObject)]
pub struct UserFilter {
    /// The beginning of an email address, username, first name, last name or full name, ignoring case; at least 2
    /// characters.
    search: Option<String>,
    /// The role of the user.
    role: Option<Role>,
    /// Whether the user can sign in.
    is_active: Option<bool>,
    /// Whether the email address of the user is verified.
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

/// A page of users, according to the Relay connection specification.
#[Object]
impl UserConnection {
    /// The users on this page, each with a cursor.
    async fn edges(&self, ctx: &Context<'_>) -> Result<Vec<UserEdge>, ApiError> {
        let (app, _) = caller(ctx)?;
        let edge = |user: &User| UserEdge { cursor: app.tokens.cursor(user.row_id()), node: user.clone() };
        Ok(self.users.iter().map(edge).collect())
    }

    /// The users on this page.
    async fn nodes(&self) -> &[User] {
        &self.users
    }

    /// The position of this page in the list.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// The number of matching users on all pages. Counted only if selected, because counting takes longer the more users match.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let (app, _) = caller(ctx)?;
        let count = accounts::count_users(app, &self.filter).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A user in a list.
#[derive(SimpleObject)]
pub struct UserEdge {
    /// The position of the user in the list: an opaque cursor for `after` and `before`.
    cursor: String,
    /// The user.
    node: User,
}

/// The position of a page in a list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are more items after this page.
    has_next_page: bool,
    /// Whether there are more items before this page.
    has_previous_page: bool,
    /// The cursor of the first item on the page. Null if the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last item on the page. Null if the page is empty.
    end_cursor: Option<String>,
}

impl From<AdministrationRefusal> for UserError {
    fn from(refusal: AdministrationRefusal) -> Self {
        match refusal {
            AdministrationRefusal::NotFound => Self::new(ErrorCode::NotFound, "This user does not exist."),
            AdministrationRefusal::NotAllowed => {
                Self::new(ErrorCode::NotAllowed, "Only superusers can do this, and not to their own account.")
            }
            AdministrationRefusal::LastSignInMethod => Self::new(
                ErrorCode::LastSignInMethod,
                "This user can sign in only with a passkey, so nothing was removed.",
            ),
            AdministrationRefusal::ReauthenticationRequired => Self::reauthentication_required(),
        }
    }
}
