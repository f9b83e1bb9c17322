//! The manifest formats of Apollo Client and Relay. graphql-codegen writes Relay's format.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// A document in a manifest.
pub(super) struct Entry {
    pub(super) id: String,
    /// The text.
    pub(super) body: String,
}

/// A manifest of `@apollo/generate-persisted-query-manifest`.
#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    version: u32,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// Parses a manifest.
///
/// # Errors
/// Returns the problem as part of a sentence.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, String> {
    // editors on Windows write a byte order mark
    let text = text.trim_start_matches('\u{feff}');
    let json: Map<String, Json> =
        serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
    if json.contains_key("operations") {
        let manifest: ApolloManifest =
            serde_json::from_value(Json::Object(json)).map_err(|error| error.to_string())?;
        if manifest.format != "apollo-persisted-query-manifest" || manifest.version != 1 {
            return Err(format!("unknown format: {} {}", manifest.format, manifest.version));
        }
        let entry = |operation: ApolloOperation| Entry { id: operation.id, body: operation.body };
        return Ok(manifest.operations.into_iter().map(entry).collect());
    }
    let entry = |(id, body)| match body {
        Json::String(body) => Ok(Entry { id, body }),
        _ => Err("neither an Apollo manifest nor a Relay manifest, which maps IDs to documents".to_owned()),
    };
    json.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_of_both_formats_are_read() {
        for (text, ids) in [
            ("{}", Ok(vec![])),
            (r#"{"1": "{ a }", "2": "{ b }"}"#, Ok(vec!["1", "2"])),
            ("\u{feff}{\"1\": \"{ a }\"}\r\n", Ok(vec!["1"])),
            (
                r#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "1", "body": "{ a }", "name": "A"}]}"#,
                Ok(vec!["1"]),
            ),
            (r#"{"format": "apollo", "version": 1, "operations": []}"#, Err("unknown format: apollo 1")),
            (r#"{"1": 1}"#, Err("neither an Apollo manifest")),
            ("[]", Err("not a JSON object")),
            ("", Err("not a JSON object")),
        ] {
            match (read(text), ids) {
                (Ok(entries), Ok(ids)) => {
                    assert_eq!(entries.iter().map(|entry| &entry.id).collect::<Vec<_>>(), ids, "{text}");
                }
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
                (read, _) => panic!("{text}: {:?}", read.map(|entries| entries.len())),
            }
        }
    }
}
