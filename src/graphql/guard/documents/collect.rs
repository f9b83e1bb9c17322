//! Merging of root fields. A root field that is selected twice under the same name must run only once (GraphQL §6.3.2).
//! async-graphql runs it twice and merges the results, so a mutation would take effect twice.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
        Selection, SelectionSet,
    },
};
use async_graphql_value::{ConstValue, Value};

/// Returns whether an operation of the document selects a root field more than once under the same name.
pub(super) fn repeats_root_field(document: &ExecutableDocument) -> bool {
    let repeats = |operation: &OperationDefinition| {
        let mut keys = HashSet::new();
        let mut repeats = false;
        let mut visit =
            |field: &Positioned<Field>| repeats |= !keys.insert(field.node.response_key().node.clone());
        walk(&operation.selection_set.node, &document.fragments, &|_| true, &mut HashSet::new(), &mut visit);
        repeats
    };
    document.operations.iter().any(|(_, operation)| repeats(&operation.node))
}

/// Replaces the selection of the operation with its root fields, merged so that each name occurs once (`CollectFields`, GraphQL
/// §6.3.2).
pub(super) fn collect_root_fields(
    document: &mut ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) {
    let ExecutableDocument { operations, fragments } = document;
    let operation = match (operations, name) {
        (DocumentOperations::Single(operation), _) => operation,
        (DocumentOperations::Multiple(operations), Some(name)) => match operations.get_mut(name) {
            Some(operation) => operation,
            None => return,
        },
        (DocumentOperations::Multiple(operations), None) => match operations.values_mut().next() {
            Some(operation) => operation,
            None => return,
        },
    };
    let operation = &mut operation.node;
    let mut collected: Vec<Positioned<Field>> = Vec::new();
    let mut places: HashMap<Name, usize> = HashMap::new();
    let is_included = |directives: &[Positioned<Directive>]| is_included(directives, operation, variables);
    let mut visit = |field: &Positioned<Field>| {
        let key = field.node.response_key().node.clone();
        if let Some(place) = places.get(&key) {
            let more = field.node.selection_set.node.items.iter().cloned();
            collected[*place].node.selection_set.node.items.extend(more);
        } else {
            places.insert(key, collected.len());
            collected.push(field.clone());
        }
    };
    walk(&operation.selection_set.node, fragments, &is_included, &mut HashSet::new(), &mut visit);
    let select = |field: Positioned<Field>| Positioned::new(Selection::Field(field.clone()), field.pos);
    operation.selection_set.node.items = collected.into_iter().map(select).collect();
}

/// Visits the fields of a selection set in order, including those of its fragments. Each fragment is visited once.
fn walk<'d>(
    set: &'d SelectionSet,
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    is_included: &impl Fn(&[Positioned<Directive>]) -> bool,
    spread: &mut HashSet<&'d Name>,
    visit: &mut impl FnMut(&'d Positioned<Field>),
) {
    for selection in &set.items {
        if !is_included(selection.node.directives()) {
            continue;
        }
        match &selection.node {
            Selection::Field(field) => visit(field),
            Selection::InlineFragment(inline) => {
                walk(&inline.node.selection_set.node, fragments, is_included, spread, visit);
            }
            Selection::FragmentSpread(fragment) => {
                let name = &fragment.node.fragment_name.node;
                if spread.insert(name)
                    && let Some(fragment) = fragments.get(name)
                {
                    walk(&fragment.node.selection_set.node, fragments, is_included, spread, visit);
                }
            }
        }
    }
}

/// Returns whether `@skip` and `@include` let a selection run (GraphQL §3.13.1, §3.13.2).
fn is_included(
    directives: &[Positioned<Directive>],
    operation: &OperationDefinition,
    variables: &Variables,
) -> bool {
    let is_set = |directive: &Directive| match directive.get_argument("if").map(|value| &value.node) {
        Some(Value::Boolean(is)) => *is,
        Some(Value::Variable(name)) => {
            let default = || {
                let defined = operation.variable_definitions.iter();
                let mut defined = defined.filter(|variable| variable.node.name.node == *name);
                defined.next().and_then(|variable| variable.node.default_value()).cloned()
            };
            variables.get(name).cloned().or_else(default) == Some(ConstValue::Boolean(true))
        }
        _ => false,
    };
    directives.iter().all(|directive| match directive.node.name.node.as_str() {
        "skip" => !is_set(&directive.node),
        "include" => is_set(&directive.node),
        _ => true,
    })
}
