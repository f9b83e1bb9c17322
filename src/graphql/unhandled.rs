//! Results that an old client cannot handle, because a union has gained a member since the client was built.
//!
//! GraphQL returns nothing but `__typename` for a member that the document does not select, so an old app would show a blank page.
//! Instead, it gets a [`UserError`] with a message for people. `extensions.unhandled` names the member, and a metric counts it.

use std::{borrow::Cow, cell::RefCell};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, Response, ServerResult, UnionType, Value,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};

use super::refusal::{ErrorCode, UserError};
use crate::metrics::Metrics;

tokio::task_local! {
    /// The members of unions that the request's document does not handle.
    static UNHANDLED: RefCell<Vec<&'static str>>;
}

/// A member that a union has gained.
#[derive(Clone, Copy, Debug)]
pub struct LaterMember {
    /// The name of the member.
    pub name: &'static str,
    /// The code of the error that takes its place.
    pub code: ErrorCode,
    /// The message of that error, which says what people can do.
    pub message: &'static str,
}

/// A union that gains members.
pub trait GrowingUnion: UnionType {
    /// Returns the later member that the value belongs to, with the error that replaces it for clients that do not handle the
    /// member. Returns `None` if the union has always had the value's member.
    fn later_member(&self) -> Option<LaterMember>;

    /// Converts an error to the union's member for refusals.
    fn of_error(error: UserError) -> Self;
}

/// A value of a union that gains members. It resolves to an error if the client does not handle the value's member.
pub struct Growing<U>(pub U);

impl<U: GrowingUnion> OutputType for Growing<U> {
    fn type_name() -> Cow<'static, str> {
        U::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        U::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selects = |name: &str| selects(ctx, &ctx.item.node, name);
        if let Some(LaterMember { name, code, message }) = self.0.later_member()
            && !selects(name)
        {
            let _ = UNHANDLED.try_with(|unhandled| unhandled.borrow_mut().push(name));
            if selects(&UserError::type_name()) {
                // resolved as a member of the union, because the document may spread fragments on the union
                return U::of_error(UserError::new(code, message)).resolve(ctx, field).await;
            }
        }
        self.0.resolve(ctx, field).await
    }
}

/// Returns whether a selection names this type.
fn selects(ctx: &ContextSelectionSet<'_>, selection: &SelectionSet, name: &str) -> bool {
    selection.items.iter().any(|item| {
        let (condition, within) = match &item.node {
            Selection::Field(_) => return false,
            Selection::InlineFragment(inline) => {
                (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
            }
            Selection::FragmentSpread(spread) => {
                let Some(fragment) = ctx.query_env.fragments.get(&spread.node.fragment_name.node) else {
                    return false;
                };
                (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
            }
        };
        condition.is_some_and(|condition| condition.node.on.node == name) || selects(ctx, within, name)
    })
}

/// Runs an operation. Reports and counts the members that its document does not handle.
pub(super) async fn report(metrics: &Metrics, operation: impl Future<Output = Response>) -> Response {
    let run = async {
        let response = operation.await;
        (response, UNHANDLED.with(RefCell::take))
    };
    let (mut response, unhandled) = UNHANDLED.scope(RefCell::default(), run).await;
    if !unhandled.is_empty() {
        for member in &unhandled {
            metrics.unhandled_results.add(member);
        }
        response.extensions.insert("unhandled".to_owned(), unhandled.into());
    }
    response
}
