//! Clients whose types are generated from `schema.graphql` by independent generators: they compile and run.

use graphql_client::GraphQLQuery;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::support::{
    EMAIL, PASSWORD, Sqlite, TestApp,
    node::{node, text},
};

/// A time in RFC 3339 format, as the server sends it.
type DateTime = String;

/// The options of a passkey.
#[expect(clippy::upper_case_acronyms, reason = "the schema's name of the scalar")]
type JSON = serde_json::Value;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "playground/operations/150-login.graphql",
    response_derives = "Debug"
)]
struct Login;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "schema.graphql",
    query_path = "playground/operations/130-me.graphql",
    response_derives = "Debug,PartialEq"
)]
struct Me;

async fn run<Q: GraphQLQuery>(app: &TestApp, access_token: &str, variables: Q::Variables) -> Q::ResponseData
where
    Q::ResponseData: DeserializeOwned,
{
    let request = app.post().bearer_auth(access_token).json(&Q::build_query(variables));
    let answer: graphql_client::Response<Q::ResponseData> =
        request.send().await.unwrap().json().await.unwrap();
    assert!(answer.errors.is_none(), "{:?}", answer.errors);
    answer.data.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_rust_client_logs_in_and_reads_me() {
    let app = TestApp::start(Sqlite).await;
    app.sign_up(EMAIL).await;
    let input = login::LoginInput { identifier: EMAIL.to_owned(), password: PASSWORD.to_owned() };
    let login = run::<Login>(&app, "", login::Variables { input }).await.login;
    let login::LoginLogin::AuthPayload(payload) = login else { panic!("{login:?}") };
    let me = run::<Me>(&app, &payload.access_token, me::Variables {}).await.me;
    assert_eq!((me.email.as_deref(), me.role), (Some(EMAIL), me::Role::USER));
    assert_eq!(me.sessions.iter().filter(|session| session.is_current).count(), 1);
    let input = login::LoginInput { identifier: EMAIL.to_owned(), password: "another".to_owned() };
    let refused = run::<Login>(&app, "", login::Variables { input }).await.login;
    let login::LoginLogin::UserError(error) = refused else { panic!("{refused:?}") };
    assert!(matches!(error.code, login::ErrorCode::INVALID_CREDENTIALS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_typescript_client_logs_in_and_reads_me() {
    let [codegen, tsc] = ["@graphql-codegen/cli/esm/bin.js", "typescript/bin/tsc"]
        .map(|program| format!("node_modules/{program}"));
    let generated = node(&[&codegen, "--config", "codegen/codegen.ts"]);
    assert!(generated.status.success(), "{}{}", text(&generated.stdout), text(&generated.stderr));
    let checked = node(&[&tsc, "--project", "codegen"]);
    assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));

    let app = TestApp::start(Sqlite).await;
    app.sign_up(EMAIL).await;
    let script = format!(
        "import {{ whoIs }} from './codegen/generated/js/client.js';
         for (const password of {}) console.log(await whoIs({}, {}, password));",
        json!([PASSWORD, "another"]),
        json!(format!("{}/graphql", app.url)),
        json!(EMAIL)
    );
    let ran = node(&["--input-type=module", "--eval", &script]);
    let said = text(&ran.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with(&format!("{EMAIL} is a user since 20")), "{said}{}", text(&ran.stderr));
    assert!(lines[1].contains("password"), "{said}");
}
