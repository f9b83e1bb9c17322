//! Third-party GraphQL clients and compilers, which build on the schema and run against a server.

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Sqlite, TestApp,
    node::{node, text},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_up_reads_pages_and_signs_out(
    #[values("apollo", "urql", "graphql-request")] client: &'static str,
) {
    let app = TestApp::start(Sqlite).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    app.sign_up("grace@example.org").await;
    let url = format!("{}/graphql", app.url);
    let day = move || node(&["clients.mjs", client, &url, &staff.access_token]);
    let ended = tokio::task::spawn_blocking(day).await.unwrap();
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let seen: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let mut expected = json!({
        "signup": "AuthPayload",
        "refused": "EMAIL_TAKEN",
        "login": "AuthPayload",
        "both": { "email": format!("{client}@example.org"), "users": null, "codes": ["FORBIDDEN"] },
        "paged": true,
        "ended": true,
        "viewer": null,
    });
    if client == "apollo" {
        expected["cachedName"] = json!("Ada Lovelace");
        expected["cachedSessions"] = json!([true]);
        expected["endedSessions"] = json!(1);
    }
    assert_eq!(seen, expected);
}

#[test]
fn relays_compiler_accepts_a_refetchable_user_and_a_paginated_list() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.graphql"), gatehouse::graphql::sdl()).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    let source = "
        graphql`fragment App_user on User @refetchable(queryName: \"AppUserQuery\") { name sessions { id isCurrent } }`;
        graphql`query AppQuery { viewer { ...App_user } }`;
        graphql`query AppUsersQuery($count: Int!, $cursor: String) { ...App_users }`;
        graphql`fragment App_users on Query @refetchable(queryName: \"AppUsersPageQuery\") {
            users(first: $count, after: $cursor) @connection(key: \"App_users\") { edges { node { id email } } } }`;
        graphql`mutation AppUpdateMutation($input: UpdateProfileInput!) {
            updateProfile(input: $input) { __typename ... on User { ...App_user @alias } ... on UserError { code message } } }`;
    ";
    fs::write(folder.path().join("src/App.js"), source).unwrap();
    let config = json!({ "src": folder.path().join("src"), "schema": folder.path().join("schema.graphql"), "language": "javascript", "eagerEsModules": true });
    let config_file = folder.path().join("relay.config.json");
    fs::write(&config_file, config.to_string()).unwrap();
    let compiled = node(&["node_modules/relay-compiler/cli.js", config_file.to_str().unwrap()]);
    assert!(compiled.status.success(), "{}{}", text(&compiled.stdout), text(&compiled.stderr));
    for artifact in ["AppUserQuery", "AppUsersPageQuery", "AppUpdateMutation"] {
        let path = folder.path().join(format!("src/__generated__/{artifact}.graphql.js"));
        assert!(path.exists(), "{artifact} was not generated: {}", text(&compiled.stdout));
    }
}
