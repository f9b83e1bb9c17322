//! Conversion of a document from the types of apollo-compiler to those that async-graphql runs. The text is not parsed a second
//! time, so the document that runs is the one that was checked, and errors have the positions of the original text.

use std::collections::HashMap;

use apollo_compiler::{
    Node,
    ast::{self, Definition},
    parser::SourceSpan,
};
use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type,
        TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value;
use serde_json::Number;

use super::Problem;

/// Converts a document.
///
/// # Errors
/// Fails if the document has no operation, if two definitions have the same name (GraphQL §5.2.1.1, §5.2.2.1, §5.5.1.1), or
/// if it defines a type.
pub(super) fn convert(document: &ast::Document, places: &Places) -> Result<ExecutableDocument, Problem> {
    let reader = Converter { places };
    let mut anonymous = None;
    let mut named = HashMap::new();
    let mut fragments = HashMap::new();
    for definition in &document.definitions {
        let at = places.of(definition.location());
        let is_new = match definition {
            Definition::OperationDefinition(operation) => {
                let converted = Positioned::new(reader.operation(operation), at);
                match &operation.name {
                    Some(name) => named.insert(reader.name(name).node, converted).is_none(),
                    None => anonymous.replace(converted).is_none(),
                }
            }
            Definition::FragmentDefinition(fragment) => {
                let converted = Positioned::new(reader.fragment(fragment), at);
                fragments.insert(reader.name(&fragment.name).node, converted).is_none()
            }
            _ => return Err(Problem::new("A request can define only operations and fragments.", at)),
        };
        if !is_new {
            let message = "Two operations or two fragments in the document have the same name or no name.";
            return Err(Problem::new(message, at));
        }
    }
    let operations = match anonymous {
        Some(operation) if named.is_empty() => DocumentOperations::Single(operation),
        Some(operation) => {
            let message = "An operation without a name must be the only one in its document.";
            return Err(Problem::new(message, operation.pos));
        }
        None if named.is_empty() => {
            return Err(Problem::new("The document has no operation.", Pos { line: 1, column: 1 }));
        }
        None => DocumentOperations::Multiple(named),
    };
    Ok(ExecutableDocument { operations, fragments })
}

/// The line and column of each byte of a text. Columns are counted in UTF-16 code units, as in the reference implementation.
pub(super) struct Places(Vec<Pos>);

impl Places {
    pub(super) fn new(text: &str) -> Self {
        let mut places = Vec::with_capacity(text.len() + 1);
        let mut place = Pos { line: 1, column: 1 };
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            places.extend(std::iter::repeat_n(place, letter.len_utf8()));
            // GraphQL §2.1.2
            if letter == '\n' || letter == '\r' && letters.peek() != Some(&'\n') {
                place = Pos { line: place.line + 1, column: 1 };
            } else {
                place.column += letter.len_utf16();
            }
        }
        places.push(place);
        Self(places)
    }

    pub(super) fn of(&self, span: Option<SourceSpan>) -> Pos {
        span.and_then(|span| self.0.get(span.offset())).copied().unwrap_or(Pos { line: 1, column: 1 })
    }
}

struct Converter<'p> {
    places: &'p Places,
}

impl Converter<'_> {
    fn name(&self, name: &apollo_compiler::Name) -> Positioned<Name> {
        Positioned::new(Name::new(name.as_str()), self.places.of(name.location()))
    }

    fn operation(&self, operation: &Node<ast::OperationDefinition>) -> OperationDefinition {
        OperationDefinition {
            ty: match operation.operation_type {
                ast::OperationType::Query => OperationType::Query,
                ast::OperationType::Mutation => OperationType::Mutation,
                ast::OperationType::Subscription => OperationType::Subscription,
            },
            variable_definitions: operation
                .variables
                .iter()
                .map(|variable| self.variable(variable))
                .collect(),
            directives: self.directives(&operation.directives),
            selection_set: self.selections(&operation.selection_set, operation.location()),
        }
    }

    fn fragment(&self, fragment: &ast::FragmentDefinition) -> FragmentDefinition {
        FragmentDefinition {
            type_condition: self.type_condition(&fragment.type_condition),
            directives: self.directives(&fragment.directives),
            selection_set: self.selections(&fragment.selection_set, fragment.name.location()),
        }
    }

    fn variable(&self, variable: &Node<ast::VariableDefinition>) -> Positioned<VariableDefinition> {
        let default = |value: &Node<ast::Value>| {
            let constant = value_of(value).into_const()?;
            Some(Positioned::new(constant, self.places.of(value.location())))
        };
        let converted = VariableDefinition {
            name: self.name(&variable.name),
            var_type: Positioned::new(type_of(&variable.ty), self.places.of(variable.ty.location())),
            directives: self.directives(&variable.directives),
            default_value: variable.default_value.as_ref().and_then(default),
        };
        Positioned::new(converted, self.places.of(variable.location()))
    }

    fn selections(
        &self,
        selections: &[ast::Selection],
        within: Option<SourceSpan>,
    ) -> Positioned<SelectionSet> {
        let items = selections.iter().map(|selection| self.selection(selection)).collect();
        Positioned::new(SelectionSet { items }, self.places.of(within))
    }

    fn selection(&self, selection: &ast::Selection) -> Positioned<Selection> {
        let at = self.places.of(selection.location());
        let converted = match selection {
            ast::Selection::Field(field) => Selection::Field(Positioned::new(
                Field {
                    alias: field.alias.as_ref().map(|alias| self.name(alias)),
                    name: self.name(&field.name),
                    arguments: self.arguments(&field.arguments),
                    directives: self.directives(&field.directives),
                    selection_set: self.selections(&field.selection_set, field.location()),
                },
                at,
            )),
            ast::Selection::FragmentSpread(spread) => Selection::FragmentSpread(Positioned::new(
                FragmentSpread {
                    fragment_name: self.name(&spread.fragment_name),
                    directives: self.directives(&spread.directives),
                },
                at,
            )),
            ast::Selection::InlineFragment(inline) => Selection::InlineFragment(Positioned::new(
                InlineFragment {
                    type_condition: inline.type_condition.as_ref().map(|name| self.type_condition(name)),
                    directives: self.directives(&inline.directives),
                    selection_set: self.selections(&inline.selection_set, inline.location()),
                },
                at,
            )),
        };
        Positioned::new(converted, at)
    }

    fn type_condition(&self, name: &apollo_compiler::Name) -> Positioned<TypeCondition> {
        let on = self.name(name);
        let at = on.pos;
        Positioned::new(TypeCondition { on }, at)
    }

    fn directives(&self, directives: &ast::DirectiveList) -> Vec<Positioned<Directive>> {
        let converted = directives.iter().map(|directive| {
            let converted = Directive {
                name: self.name(&directive.name),
                arguments: self.arguments(&directive.arguments),
            };
            Positioned::new(converted, self.places.of(directive.location()))
        });
        converted.collect()
    }

    fn arguments(&self, arguments: &[Node<ast::Argument>]) -> Vec<(Positioned<Name>, Positioned<Value>)> {
        let converted = arguments.iter().map(|argument| {
            let at = self.places.of(argument.value.location());
            (self.name(&argument.name), Positioned::new(value_of(&argument.value), at))
        });
        converted.collect()
    }
}

fn value_of(value: &Node<ast::Value>) -> Value {
    match &**value {
        ast::Value::Null => Value::Null,
        ast::Value::Enum(name) => Value::Enum(Name::new(name.as_str())),
        ast::Value::Variable(name) => Value::Variable(Name::new(name.as_str())),
        ast::Value::String(text) => Value::String(text.clone()),
        ast::Value::Float(float) => {
            let number = float.try_to_f64().ok().and_then(Number::from_f64);
            number.map_or_else(|| Value::String(float.as_str().to_owned()), Value::Number)
        }
        // an ID may have more digits than an integer can hold, so a longer number is kept as text
        ast::Value::Int(int) => match int.as_str().parse::<i64>() {
            Ok(number) if number.to_string() == int.as_str() => Value::Number(number.into()),
            _ => Value::String(int.as_str().to_owned()),
        },
        ast::Value::Boolean(is) => Value::Boolean(*is),
        ast::Value::List(items) => Value::List(items.iter().map(value_of).collect()),
        ast::Value::Object(fields) => {
            let field =
                |(name, value): &(apollo_compiler::Name, _)| (Name::new(name.as_str()), value_of(value));
            Value::Object(fields.iter().map(field).collect())
        }
    }
}

fn type_of(ty: &ast::Type) -> Type {
    let base = match ty {
        ast::Type::Named(name) | ast::Type::NonNullNamed(name) => BaseType::Named(Name::new(name.as_str())),
        ast::Type::List(inner) | ast::Type::NonNullList(inner) => BaseType::List(Box::new(type_of(inner))),
    };
    Type { base, nullable: !ty.is_non_null() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_where_an_editor_shows_it() {
        let text = "{\r\n a\r b\n  \u{1F600}c }";
        let places = Places::new(text);
        let place = |letter: char| places.0[text.find(letter).unwrap()];
        assert_eq!(place('a'), Pos { line: 2, column: 2 });
        assert_eq!(place('b'), Pos { line: 3, column: 2 });
        assert_eq!(place('c'), Pos { line: 4, column: 5 });
        assert_eq!(places.0.len(), text.len() + 1);
    }
}
