//! The operation that a request runs, and its root fields.

use std::collections::HashSet;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection};

use crate::graphql::error::ApiError;

/// Returns the names of the root fields that an operation selects, including those in fragments.
///
/// `@skip` and `@include` are ignored: they depend on variables, and every field that might run must be allowed.
#[must_use]
pub fn root_fields<'d>(
    document: &'d ExecutableDocument,
    operation: &'d OperationDefinition,
) -> HashSet<&'d str> {
    let mut names = HashSet::new();
    let mut spread = HashSet::new();
    let mut sets = vec![&operation.selection_set.node];
    while let Some(set) = sets.pop() {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => drop(names.insert(field.node.name.node.as_str())),
                Selection::InlineFragment(inline) => sets.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    if spread.insert(name) {
                        sets.extend(
                            document.fragments.get(name).map(|fragment| &fragment.node.selection_set.node),
                        );
                    }
                }
            }
        }
    }
    names
}

/// Returns the operation that will run (`GetOperation`, GraphQL §6.1).
///
/// # Errors
/// Fails with [`ApiError::BadRequest`] if no operation has this name, or if no name is given and there are several
/// operations.
pub fn chosen_operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Result<&'d OperationDefinition, ApiError> {
    let chosen = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        _ => None,
    };
    chosen.map(|operation| &operation.node).ok_or_else(|| {
        let message = match name {
            Some(_) => "The document has no operation with the name in `operationName`.",
            None => "The document has several operations. Choose one with `operationName`.",
        };
        ApiError::BadRequest(message.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn root_fields_are_found_through_fragments() {
        let text = "query Q{a ...F ...on Query{b @skip(if:true)}} fragment F on Query{x:c d{e} ...F}";
        let document = parse_query(text).unwrap();
        let operation = chosen_operation(&document, Some("Q")).unwrap();
        assert_eq!(root_fields(&document, operation), HashSet::from(["a", "b", "c", "d"]));
        assert!(chosen_operation(&document, Some("R")).is_err());
    }
}
