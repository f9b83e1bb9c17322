//! Clients whose documents do not handle a member that a union has gained are counted.

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SimpleObject, Union};
use gatehouse::graphql::{
    refusal::{ErrorCode, UserError},
    unhandled::{Growing, GrowingUnion, LaterMember, ReportUnhandled},
};

use crate::support::{Sqlite, TestApp};

#[derive(SimpleObject)]
struct Asked {
    question: String,
}

#[derive(Union)]
enum EnterResult {
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
    async fn enter(&self) -> Growing<EnterResult> {
        Growing(EnterResult::Asked(Asked { question: "Who?".to_owned() }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_a_document_does_not_handle_are_counted_by_their_type() {
    let app = TestApp::start(Sqlite).await;
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription)
        .extension(ReportUnhandled)
        .data(app.app.clone())
        .finish();
    for query in [
        "{ enter { ... on UserError { code } } }",
        "{ enter { __typename } }",
        "{ enter { ... on Asked { question } } }",
    ] {
        let response = schema.execute(query).await;
        assert!(response.is_ok(), "{:?}", response.errors);
    }
    let text = app.app.metrics.render(&[], &[]).unwrap();
    assert!(text.contains("gatehouse_unhandled_results_total{member=\"Asked\"} 2"), "{text}");
}
