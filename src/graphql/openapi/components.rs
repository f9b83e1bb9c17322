//! The schemas that other schemas refer to by name.

use async_graphql::resolver_utils::EnumType;
use serde_json::{Map, Value as Json, json};

use crate::graphql::error::TopLevelErrorCode;

/// The named schemas.
#[derive(Default)]
pub(super) struct Components(Map<String, Json>);

impl Components {
    pub(super) fn into_schemas(self) -> Map<String, Json> {
        self.0
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Adds a schema under this name, with a number appended if a different schema has the name. Returns a reference to the schema.
    pub(super) fn add(&mut self, name: &str, schema: Json) -> Json {
        let mut unique = name.to_owned();
        let mut number = 1;
        while self.0.get(&unique).is_some_and(|other| *other != schema) {
            number += 1;
            unique = format!("{name}{number}");
        }
        let reference = reference(&unique);
        self.0.insert(unique, schema);
        reference
    }

    /// Adds a schema that may refer to itself. It replaces an earlier schema with this name.
    pub(super) fn set(&mut self, name: &str, schema: Json) {
        self.0.insert(name.to_owned(), schema);
    }

    /// Returns a reference to the schema of a top-level error.
    pub(super) fn error(&mut self) -> Json {
        let codes: Vec<_> = TopLevelErrorCode::items().iter().map(|item| item.name).collect();
        let extensions = self.add(
            "TopLevelErrorExtensions",
            json!({
                "type": "object",
                "properties": {
                    "code": {
                        "type": "string",
                        "description": "New values may be added, so handle unknown ones.",
                        "x-extensible-enum": codes,
                    },
                    "retryAfter": { "type": "integer", "description": "The number of seconds to wait." },
                    "reason": { "type": "string" },
                    "requestId": { "type": "string" },
                },
                "required": ["code"],
            }),
        );
        self.add(
            "TopLevelError",
            json!({
                "type": "object",
                "properties": {
                    "message": { "type": "string" },
                    "path": { "type": "array", "items": { "type": ["string", "integer"] } },
                    "extensions": extensions,
                },
                "required": ["message", "extensions"],
            }),
        )
    }

    /// Returns a reference to the schema of a response's extensions.
    pub(super) fn response_extensions(&mut self) -> Json {
        self.add(
            "ResponseExtensions",
            json!({
                "type": "object",
                "properties": {
                    "unhandled": {
                        "type": "array",
                        "description": "The types of outcomes that the operation does not handle. A `UserError` takes their place.",
                        "items": { "type": "string" },
                    },
                },
            }),
        )
    }

    /// Returns a reference to the schema of a response without data.
    pub(super) fn refused(&mut self) -> Json {
        let error = self.error();
        self.add(
            "Refusal",
            json!({
                "type": "object",
                "properties": { "errors": { "type": "array", "items": error } },
                "required": ["errors"],
            }),
        )
    }
}

pub(super) fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns a schema that also allows null.
pub(super) fn nullable(mut schema: Json) -> Json {
    match schema.get_mut("type") {
        Some(ty) if ty.is_string() => {
            *ty = json!([ty, "null"]);
            schema
        }
        _ => json!({ "oneOf": [schema, { "type": "null" }] }),
    }
}

/// Returns the schema of a scalar.
pub(super) fn scalar(name: &str) -> Json {
    match name {
        "Int" => json!({ "type": "integer", "format": "int32" }),
        "Float" => json!({ "type": "number" }),
        "Boolean" => json!({ "type": "boolean" }),
        "DateTime" => json!({ "type": "string", "format": "date-time" }),
        "String" | "ID" => json!({ "type": "string" }),
        _ => json!({}),
    }
}

/// Adds a description to a schema.
pub(super) fn described(mut schema: Json, description: Option<&str>) -> Json {
    if let (Json::Object(schema), Some(description)) = (&mut schema, description) {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

pub(super) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
