//! The root types, with the policy table applied: the viewer's role is checked before a field resolves, and the descriptions of the
//! fields are completed from the table.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, Error, ObjectType, OutputType, Positioned, ServerResult, TypeDirective,
    Value,
    parser::types::Field,
    registry::{MetaDirectiveInvocation, MetaType, Registry},
    resolver_utils::{ContainerType, resolve_container},
};

use super::policy::{Access, Policy, access};
use crate::{
    app::App,
    graphql::{
        caller::viewer,
        error::{ApiError, TopLevelErrorCode},
        refusal::{
            ErrorCode::{self, EnrolmentRequired, NotAllowed},
            UserError, declaring,
        },
        types::user::UserResult,
    },
    storage::user::Role,
};

/// The query or mutation root with the policy table applied.
#[derive(Default)]
pub struct Guarded<T>(pub T);

impl<T: ObjectType> OutputType for Guarded<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = T::create_type_info(registry);
        describe(registry, &T::type_name());
        name
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: ObjectType> ContainerType for Guarded<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match self.guarded(ctx).await {
            // a field error nulls the field if the field is nullable (GraphQL §6.4.4), but async-graphql would null the parent
            Err(error) if is_nullable::<T>(ctx) => {
                ctx.add_error(error);
                Ok(Some(Value::Null))
            }
            resolved => resolved,
        }
    }
}

impl<T: ObjectType> Guarded<T> {
    async fn guarded(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = ctx.item.node.name.node.as_str();
        if let Err(error) = check_viewer(ctx, name) {
            let refused = match &error {
                ApiError::Forbidden(_) if returns(name, NotAllowed) => Some(UserError::role_not_allowed()),
                ApiError::EnrolmentRequired if returns(name, EnrolmentRequired) => {
                    Some(UserError::enrolment_required())
                }
                _ => None,
            };
            if let Some(refused) = refused {
                let selection = ctx.with_selection_set(&ctx.item.node.selection_set);
                // resolved as a member of the union, because the document may spread fragments on the union
                return UserResult::UserError(refused).resolve(&selection, ctx.item).await.map(Some);
            }
            let error = Error::from(error).into_server_error(ctx.item.pos);
            return Err(ctx.set_error_path(error));
        }
        let codes = Policy::of(name).map_or(&[][..], |policy| policy.errors);
        declaring(codes, self.0.resolve_field(ctx)).await
    }
}

/// Returns whether the schema allows the root field to be null.
fn is_nullable<T: ObjectType>(ctx: &Context<'_>) -> bool {
    let root = ctx.schema_env.registry.types.get(&*T::type_name());
    let field = root.and_then(|root| root.field_by_name(ctx.item.node.name.node.as_str()));
    field.is_some_and(|field| !field.ty.ends_with('!'))
}

impl<T: ObjectType> ObjectType for Guarded<T> {}

/// Returns whether a root field may return this code.
fn returns(field: &str, code: ErrorCode) -> bool {
    Policy::of(field).is_some_and(|policy| policy.errors.contains(&code))
}

/// Checks the viewer's role and second factor. The JWT guard cannot do this, because it can refuse only whole operations.
fn check_viewer(ctx: &Context<'_>, field: &str) -> Result<(), ApiError> {
    let needs_enrolment = Policy::of(field).is_some_and(Policy::needs_enrolment);
    if needs_enrolment && viewer(ctx)?.must_enroll(ctx.data_unchecked::<Arc<App>>()) {
        return Err(ApiError::EnrolmentRequired);
    }
    let required = match access(field) {
        Access::Anybody | Access::Introspection | Access::Viewer => return Ok(()),
        Access::Staff => Role::Staff,
        Access::Superuser => Role::Superuser,
        Access::Nobody => return Err(ApiError::Forbidden("This field is not available.")),
    };
    if viewer(ctx)?.user.role >= required {
        Ok(())
    } else {
        Err(ApiError::Forbidden("Your role does not allow this."))
    }
}

/// Adds the information from the policy table to the descriptions and directives of the root type's fields.
fn describe(registry: &mut Registry, root: &str) {
    errors.register(registry);
    let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(root) else { return };
    for (name, field) in fields {
        if let (Some(policy), Some(description)) = (Policy::of(name), &mut field.description) {
            description.push_str(&policy.description());
            field.directive_invocations.extend(errors_of(policy));
        }
    }
}

/// Lists the errors of a field, so that generated clients can handle all of them.
#[TypeDirective(location = "FieldDefinition")]
fn errors(
    #[graphql(desc = "The codes of the `UserError` that the field may return.")] codes: Vec<ErrorCode>,
    #[graphql(
        desc = "The codes of top-level errors that this field may cause. Every field may cause `BAD_REQUEST`, `LIMIT_EXCEEDED`, \
                `SERVICE_UNAVAILABLE` and `INTERNAL`. Every field that requires an access token may also cause `UNAUTHENTICATED`."
    )]
    top_level_codes: Option<Vec<TopLevelErrorCode>>,
) {
}

/// Returns the directive that lists the errors of a field, if it has any.
fn errors_of(policy: &Policy) -> Option<MetaDirectiveInvocation> {
    let top_level = Some(policy.own_top_level_errors()).filter(|codes| !codes.is_empty());
    (!policy.errors.is_empty() || top_level.is_some())
        .then(|| errors::apply(policy.errors.to_vec(), top_level))
}

#[cfg(test)]
mod tests {
    use async_graphql::SubscriptionType;

    use super::*;
    use crate::graphql::{Mutation, Query, Subscription, guard::policy::POLICIES};

    #[test]
    fn every_root_field_has_a_row_that_mentions_its_secrets() {
        let mut registry = Registry::default();
        Query::create_type_info(&mut registry);
        Mutation::create_type_info(&mut registry);
        <Subscription as SubscriptionType>::create_type_info(&mut registry);
        let mut rows: Vec<_> = POLICIES.iter().map(|policy| policy.field).collect();
        for root in ["Query", "Mutation", "Subscription"] {
            let MetaType::Object { fields, .. } = &registry.types[root] else { panic!("{root}") };
            for (name, field) in fields {
                let policy = Policy::of(name).unwrap_or_else(|| panic!("{name} has no row"));
                let mut args = field.args.values();
                let has_secret =
                    args.any(|arg| arg.is_secret || holds_secret(&registry, &arg.ty, &mut Vec::new()));
                assert_eq!(policy.mentions_secrets(), has_secret, "{name}");
                let refuses_as_data = policy.access != Access::Anybody
                    && (policy.refuses_as_data()
                        || policy.needs_enrolment() && policy.errors.contains(&EnrolmentRequired));
                assert!(!refuses_as_data || field.ty == "UserResult!", "{name} is refused as another union");
                rows.retain(|row| row != name);
            }
        }
        assert_eq!(rows, ["__typename", "__schema", "__type"], "rows without a field");
    }

    fn holds_secret(registry: &Registry, ty: &str, seen: &mut Vec<String>) -> bool {
        let name = ty.trim_matches(['[', ']', '!']).to_owned();
        if seen.contains(&name) {
            return false;
        }
        seen.push(name.clone());
        match &registry.types[&name] {
            MetaType::InputObject { input_fields, .. } => {
                input_fields.values().any(|field| field.is_secret || holds_secret(registry, &field.ty, seen))
            }
            _ => false,
        }
    }
}
