//! The operation of a trusted document, as a REST endpoint runs it.

use apollo_compiler::{
    Name, Node,
    ast::{Definition, Document, Field, OperationType, Selection, Type},
    name,
};
use serde_json::{Map, Number, Value as Json, map::Entry};

use crate::graphql::error_redaction::shorten;

/// The named operation of a trusted document.
#[derive(Clone, Debug)]
pub struct TrustedOperation {
    /// The name of the operation and of its endpoint.
    pub name: String,
    /// The document, with `__typename` in every object, so that the members of every union can be told apart.
    pub text: String,
    kind: OperationType,
    /// The names and types of the variables.
    variables: Vec<(Name, Type)>,
}

impl TrustedOperation {
    /// Returns the operation of a document.
    ///
    /// # Errors
    /// Returns the problem if the document does not have exactly one operation, or if the operation has no name.
    pub(super) fn new(document: &Document) -> Result<Self, String> {
        let mut operations = document.definitions.iter().filter_map(|definition| match definition {
            Definition::OperationDefinition(operation) => Some(operation),
            _ => None,
        });
        let (Some(operation), None) = (operations.next(), operations.next()) else {
            return Err("the document must have exactly one operation".to_owned());
        };
        let name = operation.name.as_ref().ok_or("the operation has no name")?.to_string();
        let variables = operation.variables.iter();
        let variables = variables.map(|variable| (variable.name.clone(), (*variable.ty).clone())).collect();
        let text = super::canonical(&with_typenames(document));
        Ok(Self { name, text, kind: operation.operation_type, variables })
    }

    /// Returns whether the operation is a query, which can be sent by GET.
    #[must_use]
    pub fn is_query(&self) -> bool {
        self.kind == OperationType::Query
    }

    /// Returns whether the operation is a subscription, which has no endpoint.
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.kind == OperationType::Subscription
    }

    /// Returns the variables if the operation declares all of them. GraphQL ignores unknown variables, but the caller of an
    /// endpoint should learn of a misspelled name.
    ///
    /// # Errors
    /// Returns a sentence about a variable that the operation does not declare.
    pub fn check_variables(&self, variables: Map<String, Json>) -> Result<Map<String, Json>, String> {
        variables.keys().try_for_each(|name| self.variable(name).map(drop))?;
        Ok(variables)
    }

    /// Parses variables from a query string, according to their types. A list is a repeated parameter, and an input
    /// object is JSON.
    ///
    /// # Errors
    /// Returns a sentence about a variable that is malformed, repeated or unknown.
    pub fn variables_from_text(&self, pairs: Vec<(String, String)>) -> Result<Map<String, Json>, String> {
        let mut variables = Map::new();
        for (name, text) in pairs {
            let ty = self.variable(&name)?;
            let value = value_from_text(ty, &text)
                .map_err(|problem| format!("The variable `{name}` is not {problem}."))?;
            match variables.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(if ty.is_list() { Json::Array(vec![value]) } else { value });
                }
                Entry::Occupied(mut place) => match place.get_mut() {
                    Json::Array(values) if ty.is_list() => values.push(value),
                    _ => return Err(format!("The variable `{}` is given more than once.", place.key())),
                },
            }
        }
        Ok(variables)
    }

    fn variable(&self, name: &str) -> Result<&Type, String> {
        let known = self.variables.iter().find(|(known, _)| known == name);
        known.map(|(_, ty)| ty).ok_or_else(|| {
            let mut name = name.to_owned();
            shorten(&mut name);
            format!("The operation has no variable `{name}`.")
        })
    }
}

fn value_from_text(ty: &Type, text: &str) -> Result<Json, &'static str> {
    let number = |number: Option<Number>, what| number.map(Json::Number).ok_or(what);
    match ty.inner_named_type().as_str() {
        "Int" => number(text.parse::<i32>().ok().map(Number::from), "a 32-bit integer"),
        "Float" => number(text.parse().ok().and_then(Number::from_f64), "a number"),
        "Boolean" => text.parse().map(Json::Bool).map_err(|_| "`true` or `false`"),
        "String" | "ID" => Ok(text.into()),
        // a value of an enum or of another scalar is text
        _ if !text.starts_with('{') => Ok(text.into()),
        _ => serde_json::from_str(text).map_err(|_| "well-formed JSON"),
    }
}

/// Adds `__typename` to the selection of every field that has a selection.
pub(super) fn with_typenames(document: &Document) -> Document {
    let mut document = document.clone();
    for definition in &mut document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                add_typenames(&mut operation.make_mut().selection_set);
            }
            Definition::FragmentDefinition(fragment) => add_typenames(&mut fragment.make_mut().selection_set),
            _ => {}
        }
    }
    document
}

fn add_typenames(selections: &mut [Selection]) {
    for selection in selections {
        match selection {
            Selection::Field(field) if !field.selection_set.is_empty() => {
                let inside = &mut field.make_mut().selection_set;
                add_typenames(inside);
                if !inside.iter().any(is_typename) {
                    inside.insert(0, typename());
                }
            }
            Selection::InlineFragment(inline) => add_typenames(&mut inline.make_mut().selection_set),
            Selection::Field(_) | Selection::FragmentSpread(_) => {}
        }
    }
}

fn is_typename(selection: &Selection) -> bool {
    let Selection::Field(field) = selection else { return false };
    field.name == "__typename" && field.alias.is_none() && field.directives.is_empty()
}

fn typename() -> Selection {
    Selection::Field(Node::new(Field {
        alias: None,
        name: name!("__typename"),
        arguments: Vec::new(),
        directives: apollo_compiler::ast::DirectiveList::default(),
        selection_set: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    #[test]
    fn every_object_gets_its_type_once() {
        for (text, expected) in [
            ("query A{a}", "query A { a }"),
            ("query A{a{b{c}}}", "query A { a { __typename b { __typename c } } }"),
            ("query A{a{__typename b}}", "query A { a { __typename b } }"),
            (
                "query A{...F ...{a{kind:__typename}}} fragment F on Query{b{c}}",
                "query A { ...F ... { a { __typename kind: __typename } } } fragment F on Query { b { __typename c } }",
            ),
        ] {
            assert_eq!(TrustedOperation::new(&parse(text).unwrap()).unwrap().text, expected);
        }
    }

    #[test]
    fn a_document_has_one_operation_with_a_name() {
        for (text, problem) in [
            ("{a}", "the operation has no name"),
            ("query A{a} query B{b}", "the document must have exactly one operation"),
            ("fragment F on Query{a}", "the document must have exactly one operation"),
        ] {
            assert_eq!(TrustedOperation::new(&parse(text).unwrap()).unwrap_err(), problem);
        }
    }
}
