//! Third-party GraphQL clients and compilers, which use the schema and run against a server.

use std::{fs, path::Path, process::Output};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Sqlite, TestApp,
    node::{node, text},
};

/// Returns the output of `run`, which is given the URL of a server and the access token of a staff member there: see
/// `tests/node/clients.mjs`. Blocking is fine: the server has its own threads.
pub(crate) async fn day(run: impl FnOnce(&str, &str) -> Output) -> Value {
    let app = TestApp::start(Sqlite).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    app.sign_up("grace@example.org").await;
    let seen = run(&format!("{}/graphql", app.url), &staff.access_token);
    assert!(seen.status.success(), "{}", text(&seen.stderr));
    serde_json::from_slice(&seen.stdout).unwrap()
}

pub(crate) fn expected(client: &str) -> Value {
    json!({
        "signup": "AuthPayload",
        "refused": "EMAIL_TAKEN",
        "login": "AuthPayload",
        "both": { "email": format!("{client}@example.org"), "users": null, "codes": ["FORBIDDEN"] },
        "paged": true,
        "ended": true,
        "viewer": null,
    })
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_up_reads_pages_and_signs_out(
    #[values("apollo", "urql", "graphql-request")] client: &str,
) {
    let seen = day(|url, staff_token| node(&["clients.mjs", client, url, staff_token])).await;
    let mut expected = expected(client);
    if client == "apollo" {
        expected["cachedName"] = json!("Ada Lovelace");
        expected["cachedSessions"] = json!([true]);
        expected["endedSessions"] = json!(1);
    }
    assert_eq!(seen, expected);
}

const GENQL: [&str; 7] = [
    "node_modules/@genql/cli/dist/cli.js",
    "--schema",
    "../../schema.graphql",
    "--output",
    "codegen/generated/genql",
    "--scalar",
    "DateTime:string",
];

#[rstest]
#[case::gql_tada("gql.tada", "tada", &["codegen/tada.mjs"])]
#[case::genql("genql", "genql", &GENQL)]
#[tokio::test(flavor = "multi_thread")]
async fn a_typed_client_compiles_in_strict_mode_and_runs(
    #[case] client: &str,
    #[case] name: &str,
    #[case] generator: &[&str],
) {
    let config = format!("codegen/{name}.json");
    for program in [generator, &["node_modules/typescript/bin/tsc", "--project", &config]] {
        let ended = node(program);
        assert!(ended.status.success(), "{}{}", text(&ended.stdout), text(&ended.stderr));
    }
    let seen = day(|url, staff_token| node(&["codegen/day.mjs", name, url, staff_token])).await;
    assert_eq!(seen, expected(client));
}

/// Writes the artifacts for the JavaScript files of `source` into `artifacts`.
fn compile_for_relay(source: &Path, artifacts: &Path) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let config =
        json!({ "src": source, "schema": schema, "language": "javascript", "artifactDirectory": artifacts });
    let config_file = artifacts.join("relay.config.json");
    fs::write(&config_file, config.to_string()).unwrap();
    let compiled = node(&["node_modules/relay-compiler/cli.js", config_file.to_str().unwrap()]);
    assert!(compiled.status.success(), "{}{}", text(&compiled.stdout), text(&compiled.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_runtime_runs_its_compilers_artifacts() {
    let artifacts = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/relay");
    compile_for_relay(Path::new(source), artifacts.path());
    let artifacts = artifacts.path().to_str().unwrap();
    let seen = day(|url, staff_token| node(&["relay/day.js", url, staff_token, artifacts])).await;
    assert_eq!(seen, expected("relay"));
}

#[test]
fn relays_compiler_accepts_a_refetchable_user_and_a_paginated_list() {
    let source_folder = tempfile::tempdir().unwrap();
    let artifacts = tempfile::tempdir().unwrap();
    let source = "
        graphql`fragment App_user on User @refetchable(queryName: \"AppUserQuery\") { name sessions { id isCurrent } }`;
        graphql`query AppQuery { viewer { ...App_user } }`;
        graphql`query AppUsersQuery($count: Int!, $cursor: String) { ...App_users }`;
        graphql`fragment App_users on Query @refetchable(queryName: \"AppUsersPageQuery\") {
            users(first: $count, after: $cursor) @connection(key: \"App_users\") { edges { node { id email } } } }`;
        graphql`mutation AppUpdateMutation($input: UpdateProfileInput!) {
            updateProfile(input: $input) { __typename ... on User { ...App_user @alias } ... on UserError { code message } } }`;
    ";
    fs::write(source_folder.path().join("App.js"), source).unwrap();
    compile_for_relay(source_folder.path(), artifacts.path());
    for artifact in ["AppUserQuery", "AppUsersPageQuery", "AppUpdateMutation"] {
        assert!(
            artifacts.path().join(format!("{artifact}.graphql.js")).exists(),
            "{artifact} was not generated"
        );
    }
}
