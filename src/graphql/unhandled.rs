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
    /// Returns what takes the value's place for a client that does not handle it. `None` if its member has been in the union from
    /// the beginning.
    fn later_member(&self) -> Option<LaterMember>;

    /// Returns the member for refusals.
    fn of_error(error: UserError) -> Self;
}

/// A value of a union that gains members, as the client can handle it.
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
                // as a member, because the document may select fragments on the union
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

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SimpleObject, Union};
    use serde_json::{Value, json};

    use super::*;

    #[derive(SimpleObject)]
    struct Entered {
        name: String,
    }

    #[derive(SimpleObject)]
    struct Asked {
        question: String,
    }

    #[derive(Union)]
    enum EnterResult {
        Entered(Entered),
        Asked(Asked),
        UserError(UserError),
    }

    impl GrowingUnion for EnterResult {
        fn later_member(&self) -> Option<LaterMember> {
            let asked =
                LaterMember { name: "Asked", code: ErrorCode::UnhandledResult, message: "Update this app." };
            matches!(self, Self::Asked(_)).then_some(asked)
        }

        fn of_error(error: UserError) -> Self {
            Self::UserError(error)
        }
    }

    struct Query;

    #[Object]
    impl Query {
        async fn enter(&self, is_asked: bool, is_refused: bool) -> Growing<EnterResult> {
            Growing(if is_refused {
                EnterResult::UserError(UserError::account_disabled())
            } else if is_asked {
                EnterResult::Asked(Asked { question: "Who?".to_owned() })
            } else {
                EnterResult::Entered(Entered { name: "Ada".to_owned() })
            })
        }
    }

    async fn run(query: &str) -> Value {
        let schema =
            Schema::build(Query, EmptyMutation, EmptySubscription).extension(ReportUnhandled).finish();
        serde_json::to_value(schema.execute(query).await).unwrap()
    }

    #[tokio::test]
    async fn a_document_that_does_not_select_a_later_member_gets_a_user_error() {
        let asked = "enter(isAsked: true, isRefused: false)";
        let error = "... on UserError { code message }";
        for selection in [
            format!("{{ {error} }}"),
            "{ ...F }".to_owned(),
            format!("{{ __typename ... on EnterResult {{ {error} }} }}"),
        ] {
            let answer = run(&format!(
                "{{ {asked} {selection} }} {}",
                if selection.contains("...F") {
                    format!("fragment F on EnterResult {{ {error} }}")
                } else {
                    String::new()
                }
            ))
            .await;
            assert_eq!(answer["data"]["enter"]["code"], "UNHANDLED_RESULT", "{selection}: {answer}");
            assert_eq!(answer["data"]["enter"]["message"], "Update this app.");
            assert_eq!(answer["extensions"], json!({ "unhandled": ["Asked"] }));
        }
    }

    #[tokio::test]
    async fn a_document_without_user_error_learns_the_name_of_the_member() {
        let answer =
            run("{ enter(isAsked: true, isRefused: false) { __typename ... on Entered { name } } }").await;
        let told = json!({ "data": { "enter": { "__typename": "Asked" } }, "extensions": { "unhandled": ["Asked"] } });
        assert_eq!(answer, told);
    }

    #[tokio::test]
    async fn a_document_that_selects_the_member_gets_it_and_others_are_left_alone() {
        let all = "__typename ... on Entered { name } ... on Asked { question } ... on UserError { code }";
        for (arguments, result) in [
            ("isAsked: true, isRefused: false", json!({ "__typename": "Asked", "question": "Who?" })),
            ("isAsked: false, isRefused: false", json!({ "__typename": "Entered", "name": "Ada" })),
            (
                "isAsked: false, isRefused: true",
                json!({ "__typename": "UserError", "code": "ACCOUNT_DISABLED" }),
            ),
        ] {
            let answer = run(&format!("{{ enter({arguments}) {{ {all} }} }}")).await;
            assert_eq!(answer, json!({ "data": { "enter": result } }));
        }
    }
}
