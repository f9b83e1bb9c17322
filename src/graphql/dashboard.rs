//! A protected resource to try things on.

use async_graphql::{Context, Object, SimpleObject};

use super::{
    caller::{caller, viewer},
    error::ApiError,
};
use crate::{
    rate_limit::{self, Action},
    storage::user,
};

/// The most characters of a text that is echoed.
const MAX_TEXT: usize = 1000;

/// What the dashboard answers.
#[derive(SimpleObject)]
pub struct Dashboard {
    /// A greeting to the viewer.
    pub response: String,
}

/// The dashboard's queries.
#[derive(Default)]
pub struct DashboardQuery;

#[Object]
impl DashboardQuery {
    /// A protected resource to try things on: greets the viewer.
    async fn dashboard(&self, ctx: &Context<'_>) -> Result<Dashboard, ApiError> {
        let name = name(&viewer(ctx)?.user);
        Ok(Dashboard { response: format!("Hey {name}, You are seeing a GET response") })
    }
}

/// The dashboard's mutations.
#[derive(Default)]
pub struct DashboardMutation;

#[Object]
impl DashboardMutation {
    /// A protected write to try things on: echoes a text to the viewer.
    async fn post_to_dashboard(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 1,000 characters.")] text: String,
    ) -> Result<Dashboard, ApiError> {
        if text.chars().count() > MAX_TEXT {
            return Err(ApiError::BadRequest(format!("`text` has more than {MAX_TEXT} characters.")));
        }
        let (app, _) = caller(ctx)?;
        let user = &viewer(ctx)?.user;
        rate_limit::charge(app, Action::Write(user.id)).await?;
        let name = name(user);
        Ok(Dashboard { response: format!("Hey {name}, your text is {text}") })
    }
}

fn name(user: &user::Model) -> &str {
    user.username.as_deref().or(user.email.as_deref()).unwrap_or_default()
}
