//! The description of the REST endpoints in OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1.html>), generated from the trusted
//! documents and the schema.

use apollo_compiler::{
    ExecutableDocument, Schema,
    executable::{Operation, OperationType},
    validation::Valid,
};
use serde_json::{Map, Value as Json, json};

use super::guard::{
    documents::Documents,
    policy::{Access, access},
};
use components::Components;
use inputs::Inputs;
use outputs::Outputs;

mod components;
mod inputs;
mod outputs;

/// The statuses of responses without data.
const FAILURES: [(&str, &str); 10] = [
    ("400", "The request is invalid or exceeds a limit."),
    ("401", "The operation requires a valid access token."),
    ("403", "The origin of the request is not allowed."),
    ("408", "The request did not arrive in time."),
    ("413", "The body is too large."),
    ("415", "The body is not JSON."),
    ("421", "The server does not accept requests for this host name."),
    ("429", "The client has too many open connections."),
    ("500", "The server failed."),
    ("503", "The server is overloaded or unavailable. Try again in a moment."),
];

/// Returns the description in JSON.
#[must_use]
pub fn describe(documents: &Documents, base_url: &str) -> String {
    let schema = documents.schema();
    let mut components = Components::default();
    let endpoints = documents.trusted().operations().filter(|operation| !operation.is_subscription());
    let typed: Vec<_> = endpoints
        // an endpoint whose document is invalid refuses every request
        .filter_map(|operation| {
            ExecutableDocument::parse_and_validate(schema, &operation.text, "document").ok()
        })
        .collect();
    let operations =
        || typed.iter().filter_map(|document| Some((document, document.operations.get(None).ok()?)));
    // variables come first, because the names of their types are the same in every document, while fragments may have
    // any name
    for (_, operation) in operations() {
        Inputs { schema, components: &mut components }.variables(operation);
    }
    let paths: Map<_, _> = operations()
        .map(|(document, operation)| {
            let name = operation.name.as_deref().unwrap_or_default();
            (format!("/op/{name}"), path(schema, document, operation, name, &mut components))
        })
        .collect();
    let description = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Gatehouse",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One endpoint for each trusted GraphQL document. A response is the same as with GraphQL: `data`, with the outcome of \
                            each field, and `errors`. An outcome that can be one of several types names its type in `__typename`.",
        },
        "servers": [{ "url": base_url }],
        "paths": paths,
        "components": {
            "schemas": components.into_schemas(),
            "securitySchemes": {
                "accessToken": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    });
    description.to_string()
}

/// Describes the endpoint of an operation.
fn path(
    schema: &Valid<Schema>,
    document: &ExecutableDocument,
    operation: &Operation,
    name: &str,
    components: &mut Components,
) -> Json {
    let fields: Vec<_> = operation.root_fields(document).collect();
    let description: Vec<_> =
        fields.iter().filter_map(|field| field.definition.description.as_deref()).collect();
    let is_public = fields.iter().all(|field| access(&field.name) == Access::Anybody);
    let token = json!({ "accessToken": [] });
    let title = components::capitalized(name);
    let data = Outputs { schema, document, components }.data(operation, &title);
    let (error, refused, extensions) =
        (components.error(), components.refused(), components.response_extensions());
    let response = components.add(
        &format!("{title}Response"),
        json!({
            "type": "object",
            "properties": {
                "data": components::nullable(data),
                "errors": { "type": "array", "items": error },
                "extensions": extensions,
            },
            "required": ["data"],
        }),
    );
    let mut responses = Map::new();
    responses.insert("200".to_owned(), content("The outcome.", &response));
    responses.extend(FAILURES.map(|(status, meaning)| (status.to_owned(), content(meaning, &refused))));
    let common = json!({
        "description": description.join("\n\n"),
        "security": if is_public { json!([{}, token]) } else { json!([token]) },
        "responses": responses,
    });
    let with = |more: Json| {
        let mut all = common.clone();
        if let (Json::Object(all), Json::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    };
    let mut inputs = Inputs { schema, components };
    let variables = inputs.variables(operation);
    let body = json!({ "required": true, "content": { "application/json": { "schema": variables } } });
    if operation.operation_type == OperationType::Query {
        return json!({
            "get": with(json!({ "operationId": name, "parameters": inputs.parameters(operation) })),
            "post": with(json!({ "operationId": format!("{name}-by-post"), "requestBody": body })),
        });
    }
    json!({ "post": with(json!({ "operationId": name, "requestBody": body })) })
}

fn content(description: &str, schema: &Json) -> Json {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}
