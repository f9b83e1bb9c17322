//! A sample protected resource.

use async_graphql::{Context, Object, SimpleObject};

use super::{
    caller::{caller, viewer},
    error::ApiError,
};
use crate::{
    rate_limit::{self, Action},
    storage::user,
};

/// The maximum length of a text that is echoed, in characters.
const MAX_TEXT: usize = 1000;

/// A response of the dashboard.
#[derive(SimpleObject)]
pub struct Dashboard {
    /// A greeting to the viewer, which may include the text that they sent.
    pub response: String,
}

/// The queries of the dashboard.
#[derive(Default)]
pub struct DashboardQuery;

#[Object]
impl DashboardQuery {
    /// A sample protected query: greets the viewer.
    async fn dashboard(&self, ctx: &Context<'_>) -> Result<Dashboard, ApiError> {
        let name = name(&viewer(ctx)?.user);
        Ok(Dashboard { response: format!("Hey {name}, You are seeing a GET response") })
    }
}

/// The mutations of the dashboard.
#[derive(Default)]
pub struct DashboardMutation;

#[Object]
impl DashboardMutation {
    /// A sample protected mutation: returns the text that the viewer sent.
    async fn post_to_dashboard(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text to return; at most 1,000 characters.")] text: String,
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
