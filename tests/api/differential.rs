//! Comparison with the reference implementation: `tests/node/differential.mjs` generates random documents, valid and
//! invalid, and compares how this server and graphql-js handle them.

use serde_json::Value;

use crate::support::{
    EMAIL, NO_VERIFICATION, Sqlite, TestApp,
    node::{node, text},
};

/// The number of cases for each of the two readers, a user and a superuser. The environment variables `SEED` and
/// `CASES` select a different or longer run.
const CASES: u32 = 2000;

#[tokio::test(flavor = "multi_thread")]
async fn random_documents_get_the_same_results_as_in_graphql_js() {
    let settings = [
        NO_VERIFICATION,
        ("RATE_LIMITS", "off"),
        ("GRAPHQL_MAX_ALIASES", "600"),
        ("GRAPHQL_MAX_DIRECTIVES", "600"),
        ("GRAPHQL_MAX_FRAGMENTS", "200"),
        ("GRAPHQL_MAX_ARGUMENTS", "600"),
        ("GRAPHQL_MAX_ROOT_FIELDS", "20"),
    ];
    let app = TestApp::with(Sqlite, &settings).await;
    let writer = app.sign_up("writer@example.org").await.access_token;
    // newer accounts push the writer, which changes, off the page of users that is compared
    app.sign_up("another@example.org").await;
    let readers = [app.sign_up(EMAIL).await, app.sign_up_as("superuser", "root@example.org").await];
    let (seed, cases) = (setting("SEED").unwrap_or(1), setting("CASES").unwrap_or(CASES));
    let (mut executed, mut refused) = (0, 0);
    for reader in readers {
        let url = format!("{}/graphql", app.url);
        let (seed, cases) = (seed.to_string(), cases.to_string());
        let output = node(&["differential.mjs", &url, &reader.access_token, &writer, &seed, &cases]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run: Value = serde_json::from_slice(&output.stdout).unwrap();
        let differences = run["differences"].as_array().unwrap();
        let shown: Vec<String> = differences.iter().take(5).map(|found| format!("{found:#}")).collect();
        assert!(differences.is_empty(), "{} differences, among them {}", differences.len(), shown.join("\n"));
        println!(
            "{} cases: {} executed, {} refused; intended differences: {}",
            run["cases"], run["executed"], run["refused"], run["intended"]
        );
        executed += run["executed"].as_u64().unwrap();
        refused += run["refused"].as_u64().unwrap();
    }
    assert!(executed > u64::from(cases) / 2 && refused > u64::from(cases) / 2, "{executed} {refused}");
}

#[expect(clippy::disallowed_methods, reason = "not a setting of the server")]
fn setting(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}
