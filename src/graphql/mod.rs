//! The API. The only layer that knows async-graphql: resolvers take arguments, call one use case, and wrap its outcome.

use std::sync::Arc;

use async_graphql::{Context, MergedObject, MergedSubscription, Schema, SchemaBuilder, ValidationMode};

use crate::{app::App, sessions::Unauthenticated};
use documents::Documents;
use error::ApiError;
use jwt_guard::{Caller, JwtGuard};
use measure::Measure;
use tidy::Tidy;

pub mod accounts;
pub mod administration;
mod cost;
pub mod dashboard;
pub mod documents;
pub mod error;
pub mod google_login;
pub mod jwt_guard;
pub mod limits;
pub mod measure;
mod nesting;
pub mod outcomes;
pub mod password_reset;
pub mod reauthentication;
pub mod session_events;
pub mod sessions;
pub mod tidy;
pub mod token_delivery;
pub mod user;
pub mod verification;

/// What can be asked. Every field needs a signed-in viewer unless it says that anybody may ask.
#[derive(MergedObject, Default)]
pub struct Query(accounts::AccountsQuery, administration::AdministrationQuery, dashboard::DashboardQuery);

/// What can be done. Every field needs a signed-in viewer unless it says that anybody may ask.
#[derive(MergedObject, Default)]
pub struct Mutation(
    accounts::AccountsMutation,
    sessions::SessionsMutation,
    verification::VerificationMutation,
    password_reset::PasswordResetMutation,
    reauthentication::ReauthenticationMutation,
    google_login::GoogleLoginMutation,
    administration::AdministrationMutation,
    dashboard::DashboardMutation,
);

/// What can be followed, by WebSocket. Every field needs a signed-in viewer.
#[derive(MergedSubscription, Default)]
pub struct Subscription(session_events::SessionEventsSubscription);

/// The executable schema.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The schema, guarded, over an app. What runs is what `documents` has judged.
#[must_use]
pub fn schema(app: Arc<App>, documents: Documents) -> ApiSchema {
    let tells_schema = app.config.introspection;
    let builder = builder().extension(JwtGuard { documents }).extension(Tidy { tells_schema });
    let builder = if tells_schema { builder } else { builder.disable_introspection() };
    // all the rules were held to documents before
    let builder = builder.validation_mode(ValidationMode::Fast);
    let builder = if app.config.metrics_addr.is_some() { builder.extension(Measure) } else { builder };
    builder.data(app).finish()
}

/// The schema in GraphQL's own language. Needs no app.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

/// What resolvers hand to use cases.
fn caller<'c>(ctx: &Context<'c>) -> Result<(&'c App, &'c Caller), ApiError> {
    let caller = ctx.data_opt::<Caller>().ok_or(ApiError::Unauthenticated(Unauthenticated::Missing))?;
    Ok((ctx.data_unchecked::<Arc<App>>(), caller))
}
