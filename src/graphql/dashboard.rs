//! A sample protected resource.

use async_graphql::{Context, Object, SimpleObject, Union};

use super::{
    caller::{caller, viewer},
    error::ApiError,
    refusal::UserError,
};
use crate::{
    input::Invalid,
    rate_limit::{self, Action},
    storage::user,
};

/// The maximum length of a text that is echoed, in characters.
const MAX_TEXT: usize = 1000;

/// A response from the dashboard.
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
    ) -> Result<PostToDashboardResult, ApiError> {
        if text.chars().count() > MAX_TEXT {
            let wrong =
                Invalid::too_long(MAX_TEXT, format!("A text can be at most {MAX_TEXT} characters long."));
            return Ok(PostToDashboardResult::UserError(UserError::invalid_input(vec![wrong.at("text")])));
        }
        let (app, _) = caller(ctx)?;
        let user = &viewer(ctx)?.user;
        if let Err(fault) = rate_limit::charge(app, Action::Write(user.id)).await {
            return Ok(PostToDashboardResult::UserError(UserError::wait(fault)?));
        }
        let name = name(user);
        let response = format!("Hey {name}, your text is {text}");
        Ok(PostToDashboardResult::Dashboard(Dashboard { response }))
    }
}

/// The result of posting to the dashboard.
#[derive(Union)]
pub enum PostToDashboardResult {
    /// The response.
    Dashboard(Dashboard),
    /// The request was refused.
    UserError(UserError),
}

fn name(user: &user::Model) -> &str {
    user.username.as_deref().or(user.email.as_deref()).unwrap_or_default()
}
