//! The GraphQL API, which is the only layer that depends on async-graphql. A resolver takes its arguments, calls one use case, and
//! converts the outcome.

use std::sync::Arc;

use async_graphql::{
    MergedObject, MergedSubscription, SDLExportOptions, Schema, SchemaBuilder, ValidationMode,
};

use crate::app::App;
use boxed::Boxed;
use guard::{documents::Documents, jwt_guard::JwtGuard, root::Guarded};
use responses::Responses;

pub mod accounts;
pub mod administration;
pub mod auth_settings;
pub mod boxed;
pub mod caller;
pub mod dashboard;
pub mod error;
pub mod error_redaction;
pub mod guard;
pub mod introspection;
pub mod login_links;
pub mod measure;
pub mod node;
mod numbers;
pub mod openapi;
pub mod passkeys;
pub mod password_reset;
pub mod provider_login;
pub mod reauthentication;
pub mod refusal;
pub mod responses;
pub mod second_factors;
pub mod session_events;
pub mod sessions;
pub mod token_delivery;
pub mod types;
pub mod unhandled;
pub mod verification;

/// Queries. Every field requires an access token, unless its description says that it is public.
#[derive(MergedObject, Default)]
pub struct Query(
    accounts::AccountsQuery,
    auth_settings::AuthSettingsQuery,
    administration::AdministrationQuery,
    dashboard::DashboardQuery,
    node::NodeQuery,
);

/// Mutations. Every field requires an access token, unless its description says that it is public.
#[derive(MergedObject, Default)]
pub struct Mutation(
    Boxed<accounts::AccountsMutation>,
    Boxed<sessions::SessionsMutation>,
    Boxed<verification::VerificationMutation>,
    Boxed<login_links::LoginLinksMutation>,
    Boxed<password_reset::PasswordResetMutation>,
    Boxed<reauthentication::ReauthenticationMutation>,
    Boxed<second_factors::SecondFactorsMutation>,
    Boxed<passkeys::PasskeysMutation>,
    Boxed<provider_login::ProviderLoginMutation>,
    Boxed<administration::AdministrationMutation>,
    Boxed<dashboard::DashboardMutation>,
);

/// Subscriptions, over WebSocket or server-sent events. Every field requires an access token, unless its description says that it
/// is public.
#[derive(MergedSubscription, Default)]
pub struct Subscription(session_events::SessionEventsSubscription, login_links::LoginLinksSubscription);

/// The executable schema.
pub type ApiSchema = Schema<Guarded<Query>, Guarded<Mutation>, Subscription>;

/// Builds the guarded schema of an app. The schema runs only documents that `documents` has parsed and validated.
#[must_use]
pub fn schema(app: Arc<App>, documents: Documents) -> ApiSchema {
    let tells_schema = app.config.server.introspection;
    let monitoring = &app.config.monitoring;
    let is_measured =
        monitoring.metrics_addr.is_some() || monitoring.access_log || monitoring.otlp_endpoint.is_some();
    let builder =
        builder().extension(JwtGuard { documents }).extension(Responses { is_measured, tells_schema });
    let builder = if tells_schema { builder } else { builder.disable_introspection() };
    // `documents` has already validated every document in full
    let builder = builder.validation_mode(ValidationMode::Fast);
    builder.data(app).finish()
}

/// Returns the schema in GraphQL's schema definition language. No app is needed.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

fn builder() -> SchemaBuilder<Guarded<Query>, Guarded<Mutation>, Subscription> {
    Schema::build(Guarded::default(), Guarded::default(), Subscription::default())
}
