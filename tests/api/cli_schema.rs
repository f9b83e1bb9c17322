//! `gatehouse schema`.

use gatehouse::graphql::introspection::QUERY;
use serde_json::{Value, json};

use crate::{
    cli::{run, text},
    support::{Sqlite, TestApp, node::node},
};

#[test]
fn schema_needs_neither_settings_nor_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(folder.path(), &["schema"], &[("PORT", "nonsense")]);
    assert_eq!(text(&printed.stdout), include_str!("../../schema.graphql"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it creates no files");
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_as_json_is_what_a_server_responds_to_an_introspection_query() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(folder.path(), &["schema", "--json"], &[("PORT", "nonsense")]);
    let mut printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let app = TestApp::start(Sqlite).await;
    let told = app.run(QUERY, json!({})).await.data("__schema");
    let sorted = |mut schema: Value| {
        for list in ["types", "directives"] {
            schema[list].as_array_mut().unwrap().sort_by_key(|item| item["name"].to_string());
        }
        schema
    };
    assert_eq!(sorted(printed["data"]["__schema"].take()), sorted(told));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_introspection_queries_of_common_tools_fit_the_default_limits() {
    let app = TestApp::start(Sqlite).await;
    let script = "import { getIntrospectionQuery } from 'graphql';
        const all = { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
            inputValueDeprecation: true, oneOf: true };
        console.log(JSON.stringify([getIntrospectionQuery(), getIntrospectionQuery(all)]));";
    let printed = node(&["--input-type=module", "--eval", script]);
    let queries: Vec<String> = serde_json::from_slice(&printed.stdout).unwrap();
    for query in queries {
        let answer = app.run(&query, json!({})).await;
        assert!(answer.body["data"]["__schema"]["types"].is_array(), "{:.300}", answer.text);
    }
}

#[test]
fn every_enum_says_that_it_may_grow_but_that_of_roles() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(folder.path(), &["schema", "--json"], &[]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    for ty in printed["data"]["__schema"]["types"].as_array().unwrap() {
        let name = ty["name"].as_str().unwrap();
        if ty["kind"] == "ENUM" && !name.starts_with("__") {
            let description = ty["description"].as_str().unwrap().replace('\n', " ");
            let grows = description.contains("New values may be added, so handle unknown ones.");
            assert_eq!(grows, name != "Role", "{name}: {description}");
        }
    }
}
