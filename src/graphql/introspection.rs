//! The schema as JSON, for tools that read the response to an introspection query instead of asking a server.

use super::builder;

/// The query that GraphiQL and code generators send.
pub const QUERY: &str = include_str!("introspection.graphql");

/// Returns the response to [`QUERY`], in JSON. No app is needed.
///
/// # Errors
/// Fails if the response is not JSON.
pub async fn json() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&builder().finish().execute(QUERY).await)
}
