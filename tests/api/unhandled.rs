//! Results that a client's document does not handle, because a union has gained a member.

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SimpleObject, Union};
use gatehouse::graphql::{
    refusal::{ErrorCode, UserError},
    responses::Responses,
    unhandled::{Growing, GrowingUnion, LaterMember},
};
use serde_json::{Value, json};

use crate::support::{Sqlite, TestApp};

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
            EnterResult::UserError(UserError {
                code: ErrorCode::AccountDisabled,
                message: "This account is deactivated.".to_owned(),
                fields: Vec::new(),
                retry_after: None,
            })
        } else if is_asked {
            EnterResult::Asked(Asked { question: "Who?".to_owned() })
        } else {
            EnterResult::Entered(Entered { name: "Ada".to_owned() })
        })
    }
}

fn schema(app: &TestApp) -> Schema<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .extension(Responses { is_measured: false, tells_schema: true })
        .data(app.app.clone())
        .finish()
}

async fn run(query: &str) -> Value {
    let app = TestApp::start(Sqlite).await;
    serde_json::to_value(schema(&app).execute(query).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_user_error_learns_the_name_of_the_member() {
    let answer =
        run("{ enter(isAsked: true, isRefused: false) { __typename ... on Entered { name } } }").await;
    let told =
        json!({ "data": { "enter": { "__typename": "Asked" } }, "extensions": { "unhandled": ["Asked"] } });
    assert_eq!(answer, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_selects_the_member_gets_it_and_others_are_left_alone() {
    let all = "__typename ... on Entered { name } ... on Asked { question } ... on UserError { code }";
    for (arguments, result) in [
        ("isAsked: true, isRefused: false", json!({ "__typename": "Asked", "question": "Who?" })),
        ("isAsked: false, isRefused: false", json!({ "__typename": "Entered", "name": "Ada" })),
        ("isAsked: false, isRefused: true", json!({ "__typename": "UserError", "code": "ACCOUNT_DISABLED" })),
    ] {
        let answer = run(&format!("{{ enter({arguments}) {{ {all} }} }}")).await;
        assert_eq!(answer, json!({ "data": { "enter": result } }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_a_document_does_not_handle_are_counted_by_their_type() {
    let app = TestApp::start(Sqlite).await;
    let schema = schema(&app);
    for query in [
        "{ enter(isAsked: true, isRefused: false) { ... on UserError { code } } }",
        "{ enter(isAsked: true, isRefused: false) { __typename } }",
        "{ enter(isAsked: true, isRefused: false) { ... on Asked { question } } }",
    ] {
        let response = schema.execute(query).await;
        assert!(response.is_ok(), "{:?}", response.errors);
    }
    let text = app.app.metrics.render(&[], &[]).unwrap();
    assert!(text.contains("gatehouse_unhandled_results_total{member=\"Asked\"} 2"), "{text}");
}
