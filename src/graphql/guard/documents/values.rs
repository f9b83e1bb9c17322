//! Checks of input values that apollo-compiler omits. They cover variables within lists and input objects, duplicate fields in
//! input objects, and `@oneOf`. This module also coerces the values of variables to the types of the schema.

use std::collections::HashSet;

use apollo_compiler::{
    Node, Schema,
    ast::{Argument, DirectiveList, InputValueDefinition, Type, Value, VariableDefinition},
    executable::{ExecutableDocument, Operation, Selection},
    request::coerce_variable_values,
    response::{JsonMap, JsonValue},
    schema::{ExtendedType, InputObjectType},
    validation::Valid,
};
use async_graphql::{Name, Variables};
use async_graphql_value::ConstValue;
use serde_json::Number;

use super::{Problem, convert::Places};

/// The greatest integer up to which JavaScript numbers represent all integers: `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Checks the values in a document that is otherwise valid.
///
/// # Errors
/// Fails with the first value that violates a rule.
pub(super) fn check_values(
    schema: &Schema,
    document: &ExecutableDocument,
    places: &Places,
) -> Result<(), Problem> {
    for operation in document.operations.iter() {
        let values = Values { schema, document, variables: &operation.variables, places };
        for variable in &operation.variables {
            if let Some(default) = &variable.default_value {
                values.value(default, &variable.ty, false)?;
            }
        }
        values.directives(&operation.directives)?;
        values.selections(&operation.selection_set.selections, &mut HashSet::new())?;
    }
    Ok(())
}

/// The check of one operation. The values of a fragment are checked with the variables of each operation that spreads it.
struct Values<'d> {
    schema: &'d Schema,
    document: &'d ExecutableDocument,
    variables: &'d [Node<VariableDefinition>],
    places: &'d Places,
}

impl<'d> Values<'d> {
    fn selections(&self, selections: &'d [Selection], spread: &mut HashSet<&'d str>) -> Result<(), Problem> {
        for selection in selections {
            self.directives(selection.directives())?;
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments, &field.definition.arguments)?;
                    self.selections(&field.selection_set.selections, spread)?;
                }
                Selection::InlineFragment(inline) => {
                    self.selections(&inline.selection_set.selections, spread)?;
                }
                Selection::FragmentSpread(named) => {
                    if let Some(fragment) = self.document.fragments.get(&named.fragment_name)
                        && spread.insert(fragment.name.as_str())
                    {
                        self.directives(&fragment.directives)?;
                        self.selections(&fragment.selection_set.selections, spread)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directives(&self, directives: &DirectiveList) -> Result<(), Problem> {
        directives.iter().try_for_each(|directive| {
            let definition = self.schema.directive_definitions.get(&directive.name);
            definition
                .map_or(Ok(()), |definition| self.arguments(&directive.arguments, &definition.arguments))
        })
    }

    fn arguments(
        &self,
        arguments: &[Node<Argument>],
        definitions: &[Node<InputValueDefinition>],
    ) -> Result<(), Problem> {
        arguments.iter().try_for_each(|argument| {
            let definition = definitions.iter().find(|definition| definition.name == argument.name);
            definition.map_or(Ok(()), |definition| {
                self.value(&argument.value, &definition.ty, definition.default_value.is_some())
            })
        })
    }

    fn value(&self, value: &Node<Value>, ty: &Type, has_default: bool) -> Result<(), Problem> {
        match &**value {
            Value::Variable(name) => match self.variables.iter().find(|variable| variable.name == *name) {
                Some(variable) if !is_allowed(variable, ty, has_default) => {
                    let message = format!(
                        "The variable `${name}` is of type {} but is used where {ty} is expected.",
                        variable.ty
                    );
                    Err(Problem::of_schema(message, self.places.of(value.location())))
                }
                _ => Ok(()),
            },
            Value::List(items) => {
                let each = if ty.is_list() { ty.item_type() } else { ty };
                items.iter().try_for_each(|item| self.value(item, each, false))
            }
            Value::Object(fields) => match self.schema.types.get(ty.inner_named_type()) {
                Some(ExtendedType::InputObject(object)) => self.object(value, fields, object),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn object(
        &self,
        value: &Node<Value>,
        fields: &[(apollo_compiler::Name, Node<Value>)],
        object: &InputObjectType,
    ) -> Result<(), Problem> {
        // GraphQL §5.6.3
        let mut names = HashSet::new();
        if let Some((name, twice)) = fields.iter().find(|(name, _)| !names.insert(name)) {
            let message = format!("The input field `{name}` is specified twice.");
            return Err(Problem::new(message, self.places.of(twice.location())));
        }
        if is_one_of(object) && !self.is_one(fields) {
            return Err(Problem::new(ONE_OF, self.places.of(value.location())));
        }
        fields.iter().try_for_each(|(name, field)| match object.fields.get(name) {
            Some(definition) => self.value(field, &definition.ty, definition.default_value.is_some()),
            None => Ok(()),
        })
    }

    /// Returns whether there is exactly one field and it cannot be null (GraphQL, draft of September 2025, §5.6.5).
    fn is_one(&self, fields: &[(apollo_compiler::Name, Node<Value>)]) -> bool {
        let [(_, value)] = fields else { return false };
        match &**value {
            Value::Null => false,
            Value::Variable(name) => {
                let variable = self.variables.iter().find(|variable| variable.name == *name);
                variable.is_none_or(|variable| variable.ty.is_non_null())
            }
            _ => true,
        }
    }
}

const ONE_OF: &str = "Give exactly one field of this input object, with a value that is not null.";

fn is_one_of(object: &InputObjectType) -> bool {
    object.directives.has("oneOf")
}

/// Returns whether a variable may be used where this type is expected (`IsVariableUsageAllowed`, GraphQL §5.8.5), at any depth of
/// a value.
fn is_allowed(variable: &VariableDefinition, ty: &Type, has_default: bool) -> bool {
    if !ty.is_non_null() || variable.ty.is_non_null() {
        return variable.ty.is_assignable_to(ty);
    }
    let defaults_to_a_value = variable.default_value.as_ref().is_some_and(|default| !default.is_null());
    (defaults_to_a_value || has_default) && variable.ty.is_assignable_to(&ty.clone().nullable())
}

/// Coerces the values of variables (`CoerceVariableValues`, GraphQL §6.1.2). An omitted variable gets its default value or, if it
/// has none, stays omitted.
///
/// # Errors
/// Fails with the first value that does not match its type.
pub(super) fn coerce(
    schema: &Valid<Schema>,
    operation: &Operation,
    variables: Variables,
) -> Result<Variables, Problem> {
    if operation.variables.is_empty() {
        return Ok(Variables::default());
    }
    let ConstValue::Object(given) = variables.into_value() else { return Ok(Variables::default()) };
    let given: JsonMap = given.into_iter().map(|(name, value)| (name.as_str().into(), json(value))).collect();
    let coerced = coerce_variable_values(schema, operation, &given)
        .map_err(|error| Problem::of_variables(&without_value(&error.message().to_string())))?
        .into_inner();
    for variable in &operation.variables {
        if let Some(value) = coerced.get(variable.name.as_str())
            && !keeps_one_of(schema, &variable.ty, value)
        {
            return Err(Problem::of_variables(&format!("variable {}: {ONE_OF}", variable.name)));
        }
    }
    let values = coerced.into_iter().map(|(name, value)| (Name::new(name.as_str()), constant(value)));
    Ok(Variables::from_value(ConstValue::Object(values.collect())))
}

/// Returns whether each `@oneOf` input object in a value has exactly one field and that field is not null.
fn keeps_one_of(schema: &Schema, ty: &Type, value: &JsonValue) -> bool {
    match (value, schema.types.get(ty.inner_named_type())) {
        (JsonValue::Array(items), _) => items.iter().all(|item| keeps_one_of(schema, ty.item_type(), item)),
        (JsonValue::Object(fields), Some(ExtendedType::InputObject(object))) => {
            let is_one = fields.len() == 1 && fields.values().all(|value| !value.is_null());
            (is_one || !is_one_of(object))
                && fields.iter().all(|(name, value)| {
                    let field = object.fields.get(name.as_str());
                    field.is_none_or(|field| keeps_one_of(schema, &field.ty, value))
                })
        }
        _ => true,
    }
}

/// Removes the quoted value, which may be a password, from a message.
fn without_value(message: &str) -> String {
    match (message.find(": "), message.rfind(" to type ")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &message[..from], &message[to..]),
        _ => message.to_owned(),
    }
}

fn json(value: ConstValue) -> JsonValue {
    match value {
        ConstValue::Null | ConstValue::Binary(_) => JsonValue::Null,
        ConstValue::Number(number) => JsonValue::Number(whole(number)),
        ConstValue::String(text) => JsonValue::String(text.into()),
        ConstValue::Boolean(is) => JsonValue::Bool(is),
        ConstValue::Enum(name) => JsonValue::String(name.as_str().into()),
        ConstValue::List(items) => JsonValue::Array(items.into_iter().map(json).collect()),
        ConstValue::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name.as_str().into(), json(value)));
            JsonValue::Object(fields.collect())
        }
    }
}

fn constant(value: JsonValue) -> ConstValue {
    match value {
        JsonValue::Null => ConstValue::Null,
        JsonValue::Bool(is) => ConstValue::Boolean(is),
        // an ID may have more digits than an integer can hold, so a longer number is kept as text
        JsonValue::Number(number) if number.is_u64() && !number.is_i64() => {
            ConstValue::String(number.to_string())
        }
        JsonValue::Number(number) => ConstValue::Number(number),
        JsonValue::String(text) => ConstValue::String(text.as_str().to_owned()),
        JsonValue::Array(items) => ConstValue::List(items.into_iter().map(constant).collect()),
        JsonValue::Object(fields) => ConstValue::Object(
            fields.into_iter().map(|(name, value)| (Name::new(name.as_str()), constant(value))).collect(),
        ),
    }
}

/// Converts whole floats to integers: in JavaScript, and so in the reference implementation, `1.0` in JSON is the integer 1.
fn whole(number: Number) -> Number {
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER => {
            (float as i64).into()
        }
        _ => number,
    }
}
