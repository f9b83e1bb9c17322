//! `gatehouse schema`.

use gatehouse::graphql::introspection::QUERY;
use serde_json::{Value, json};

use crate::{
    cli::{run, text},
    support::{Sqlite, TestApp},
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
