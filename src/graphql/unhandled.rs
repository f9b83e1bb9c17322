//! Results that an old client cannot handle, because a union has gained a member since the client was built.
//!
//! GraphQL returns nothing but `__typename` for a member that the document does not select, so an old app would show a blank page.
//! Instead, it gets a [`UserError`] with a message for people. `extensions.unhandled` names the member, and a metric counts it.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, Response, ServerResult, UnionType, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest},
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};

use super::refusal::{ErrorCode, UserError};
use crate::app::App;

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
    /// Returns what takes the value's place for a client that does not handle it. Returns `None` if the union has
    /// always had the value's member.
    fn later_member(&self) -> Option<LaterMember>;

    /// Returns the member for refusals.
    fn of_error(error: UserError) -> Self;
}

/// A value of a union that gains members, in a form that the client can handle.
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
                // resolved as a member, because the document may select fragments on the union
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

/// The extension that reports unhandled members. The schema's data must contain an `Arc<App>`.
#[derive(Clone, Copy, Debug)]
pub struct ReportUnhandled;

impl ExtensionFactory for ReportUnhandled {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for ReportUnhandled {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let run = async {
            let response = next.run(ctx).await;
            (response, UNHANDLED.with(RefCell::take))
        };
        let (mut response, unhandled) = UNHANDLED.scope(RefCell::default(), run).await;
        if !unhandled.is_empty() {
            if let Some(app) = ctx.data_opt::<Arc<App>>() {
                for member in &unhandled {
                    app.metrics.unhandled_results.add(member);
                }
            }
            response.extensions.insert("unhandled".to_owned(), unhandled.into());
        }
        response
    }
}
