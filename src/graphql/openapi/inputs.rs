//! The schemas of variables.

use apollo_compiler::{
    Name, Schema,
    ast::{Type, Value},
    executable::Operation,
    schema::{ExtendedType, InputObjectType},
};
use serde_json::{Map, Value as Json, json};

use super::components::{Components, capitalized, described, nullable, reference, scalar};

/// The writer of the schemas of input types.
pub(super) struct Inputs<'s> {
    pub(super) schema: &'s Schema,
    pub(super) components: &'s mut Components,
}

impl Inputs<'_> {
    /// Returns the schema of an object with all variables.
    pub(super) fn variables(&mut self, operation: &Operation) -> Json {
        let mut properties = Map::new();
        for variable in &operation.variables {
            let schema = with_default(self.ty(&variable.ty), variable.default_value.as_deref());
            properties.insert(variable.name.to_string(), schema);
        }
        let required = operation.variables.iter().filter(|variable| is_required(variable));
        let required: Vec<_> = required.map(|variable| variable.name.as_str()).collect();
        let title = capitalized(operation.name.as_deref().unwrap_or_default());
        self.components.add(&format!("{title}Variables"), object(&properties, &required))
    }

    /// Returns the variables as parameters of a query string.
    pub(super) fn parameters(&mut self, operation: &Operation) -> Vec<Json> {
        let variables = operation.variables.iter();
        let parameters = variables.map(|variable| {
            let schema = with_default(self.value(&variable.ty), variable.default_value.as_deref());
            let mut parameter =
                json!({ "name": variable.name.as_str(), "in": "query", "required": is_required(variable) });
            let is_object = matches!(
                self.schema.types.get(variable.ty.inner_named_type()),
                Some(ExtendedType::InputObject(_))
            );
            if is_object {
                parameter["content"] = json!({ "application/json": { "schema": schema } });
            } else {
                parameter["schema"] = schema;
            }
            parameter
        });
        parameters.collect()
    }

    fn ty(&mut self, ty: &Type) -> Json {
        let value = self.value(ty);
        if ty.is_non_null() { value } else { nullable(value) }
    }

    /// Returns the schema of a value that is not null.
    fn value(&mut self, ty: &Type) -> Json {
        match ty {
            Type::Named(name) | Type::NonNullNamed(name) => self.named(name),
            Type::List(item) | Type::NonNullList(item) => json!({ "type": "array", "items": self.ty(item) }),
        }
    }

    fn named(&mut self, name: &str) -> Json {
        match self.schema.types.get(name) {
            Some(ExtendedType::Enum(values)) => {
                let all: Vec<_> = values.values.keys().map(Name::as_str).collect();
                let schema = json!({ "type": "string", "enum": all });
                self.components.add(name, described(schema, values.description.as_deref()))
            }
            Some(ExtendedType::InputObject(input)) => {
                if !self.components.has(name) {
                    // registers the name first, because an input may contain itself
                    self.components.set(name, Json::Null);
                    let schema = self.input(input);
                    self.components.set(name, schema);
                }
                reference(name)
            }
            _ => scalar(name),
        }
    }

    fn input(&mut self, input: &InputObjectType) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field) in &input.fields {
            let schema = with_default(self.ty(&field.ty), field.default_value.as_deref());
            properties.insert(name.to_string(), described(schema, field.description.as_deref()));
            if field.is_required() {
                required.push(name.as_str());
            }
        }
        let mut schema = object(&properties, &required);
        if input.directives.has("oneOf") {
            schema["minProperties"] = 1.into();
            schema["maxProperties"] = 1.into();
        }
        described(schema, input.description.as_deref())
    }
}

fn is_required(variable: &apollo_compiler::ast::VariableDefinition) -> bool {
    variable.ty.is_non_null() && variable.default_value.is_none()
}

fn object(properties: &Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn with_default(mut schema: Json, default: Option<&Value>) -> Json {
    if let (Json::Object(schema), Some(default)) = (&mut schema, default.and_then(json_of)) {
        schema.insert("default".to_owned(), default);
    }
    schema
}

/// Converts a GraphQL value to JSON. Returns `None` for a variable, which cannot occur in a default.
fn json_of(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Enum(name) => name.as_str().into(),
        Value::String(text) => text.as_str().into(),
        Value::Boolean(value) => (*value).into(),
        Value::Int(number) => number.try_to_i32().ok()?.into(),
        Value::Float(number) => number.try_to_f64().ok()?.into(),
        Value::List(items) => items.iter().map(|item| json_of(item)).collect::<Option<Vec<_>>>()?.into(),
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(name, value)| Some((name.to_string(), json_of(value)?)));
            Json::Object(pairs.collect::<Option<_>>()?)
        }
        Value::Variable(_) => return None,
    })
}
