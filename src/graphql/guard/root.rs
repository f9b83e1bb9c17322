//! The root types, with the policy table applied: the viewer's role is checked before a field resolves, and the table completes
//! the descriptions.

use std::borrow::Cow;

use async_graphql::{
    Context, ContextSelectionSet, Error, ObjectType, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
    resolver_utils::{ContainerType, resolve_container},
};

use super::policy::{Access, Policy, access};
use crate::{
    graphql::{caller::viewer, error::ApiError},
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
        if let Err(error) = check_role(ctx) {
            let error = Error::from(error).into_server_error(ctx.item.pos);
            return Err(ctx.set_error_path(error));
        }
        self.0.resolve_field(ctx).await
    }
}

impl<T: ObjectType> ObjectType for Guarded<T> {}

/// Checks the viewer's role, which the guard does not: it refuses operations as a whole.
fn check_role(ctx: &Context<'_>) -> Result<(), ApiError> {
    let required = match access(ctx.item.node.name.node.as_str()) {
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

fn describe(registry: &mut Registry, root: &str) {
    let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(root) else { return };
    for (name, field) in fields {
        if let (Some(policy), Some(description)) = (Policy::of(name), &mut field.description) {
            description.push_str(&policy.description());
        }
    }
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
