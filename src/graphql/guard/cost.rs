//! The cost of a document, computed in linear time.
//!
//! Validation and execution expand fragments, compare arguments pair by pair, and copy a variable wherever it is used,
//! so a document of a few hundred bytes can cost minutes and gigabytes. Everything that they multiply is therefore
//! counted here first. Each fragment is counted once, and its cost is added wherever it is spread.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};

use super::policy::tests_credential;
use crate::graphql::error::ApiError;

/// The maximum nesting depth of selection sets, with fragments expanded. It is limited because this walk and
/// the walks of async-graphql are recursive.
const MAX_RECURSION: u32 = 32;

/// The maximum length of an alias, in bytes. Responses and errors repeat it.
const MAX_ALIAS: usize = 64;

/// The cost of a selection set, with fragments expanded. Sums saturate, so that a hostile document cannot overflow
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// The number of fields, spreads and inline fragments.
    pub(super) fields: u32,
    pub(super) depth: u32,
    /// The nesting depth of selection sets.
    pub(super) height: u32,
    pub(super) directives: u32,
    pub(super) aliases: u32,
    pub(super) arguments: u32,
    /// The number of values in arguments, including nested values and the values of variables.
    pub(super) values: u32,
    /// The number of fields on this level only.
    pub(super) level: u32,
    /// The number of fields that test a credential, on this level only.
    pub(super) credentials: u32,
}

impl Cost {
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            height: self.height.max(other.height),
            directives: self.directives.saturating_add(other.directives),
            aliases: self.aliases.saturating_add(other.aliases),
            arguments: self.arguments.saturating_add(other.arguments),
            values: self.values.saturating_add(other.values),
            level: self.level.saturating_add(other.level),
            credentials: self.credentials.saturating_add(other.credentials),
        }
    }
}

/// The walk that computes the costs of the parts of a document.
pub(super) struct Walk<'d> {
    document: &'d ExecutableDocument,
    /// The number of values in each variable: in its given value or its default, whichever has more.
    variables: HashMap<&'d str, u32>,
    /// The costs of fragments. `None` while a cost is being computed, to detect a fragment that spreads itself.
    fragments: HashMap<&'d Name, Option<Cost>>,
    recursion: u32,
}

impl<'d> Walk<'d> {
    pub(super) fn new(document: &'d ExecutableDocument, variables: &'d Variables) -> Self {
        let mut held: HashMap<&str, u32> =
            variables.iter().map(|(name, value)| (name.as_str(), count(value))).collect();
        for variable in
            document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions)
        {
            // without a given value, the default is copied
            let default = variable.node.default_value.as_ref().map_or(0, |value| count(&value.node));
            let most = held.entry(variable.node.name.node.as_str()).or_default();
            *most = default.max(*most);
        }
        Self { document, variables: held, fragments: HashMap::new(), recursion: 0 }
    }

    /// Returns the number of values in all variables, used or not.
    pub(super) fn variable_values(&self) -> u32 {
        self.variables.values().fold(0, |sum, values| sum.saturating_add(*values))
    }

    /// Returns whether any of the operations walked so far spreads the fragment.
    pub(super) fn has_walked(&self, name: &Name) -> bool {
        self.fragments.contains_key(name)
    }

    pub(super) fn operation(&mut self, operation: &'d OperationDefinition) -> Result<Cost, ApiError> {
        let mut cost = self.selection_set(&operation.selection_set.node)?;
        cost = cost.beside(self.directives(&operation.directives));
        for variable in &operation.variable_definitions {
            cost = cost.beside(self.directives(&variable.node.directives));
        }
        Ok(cost)
    }

    fn fragment(&mut self, name: &'d Name) -> Result<Cost, ApiError> {
        match self.fragments.get(name) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => {
                return Err(ApiError::BadRequest("The document has a cycle of fragments.".to_owned()));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Err(ApiError::BadRequest(
                "The document uses a fragment that it does not define.".to_owned(),
            ));
        };
        self.fragments.insert(name, None);
        let cost = self.selection_set(&fragment.node.selection_set.node)?;
        let cost = cost.beside(self.directives(&fragment.node.directives));
        self.fragments.insert(name, Some(cost));
        Ok(cost)
    }

    fn selection_set(&mut self, set: &'d SelectionSet) -> Result<Cost, ApiError> {
        if set.items.is_empty() {
            return Ok(Cost::default());
        }
        self.recursion += 1;
        if self.recursion > MAX_RECURSION {
            return Err(too_deep());
        }
        let mut sum = Cost::default();
        for selection in &set.items {
            let (mut cost, directives) = match &selection.node {
                Selection::Field(field) => (self.field(&field.node)?, &field.node.directives),
                Selection::InlineFragment(inline) => {
                    (self.selection_set(&inline.node.selection_set.node)?, &inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    (self.fragment(&spread.node.fragment_name.node)?, &spread.node.directives)
                }
            };
            cost.fields = cost.fields.saturating_add(1);
            sum = sum.beside(cost).beside(self.directives(directives));
        }
        self.recursion -= 1;
        sum.height += 1;
        // the cost of a fragment may have been computed where it was spread at a smaller depth
        if sum.height > MAX_RECURSION { Err(too_deep()) } else { Ok(sum) }
    }

    /// Returns the cost of a field, without counting the field itself.
    fn field(&mut self, field: &'d async_graphql::parser::types::Field) -> Result<Cost, ApiError> {
        let alias = field.alias.as_ref().map_or("", |alias| alias.node.as_str());
        if alias.len() > MAX_ALIAS {
            return Err(ApiError::LimitExceeded(format!("An alias is longer than {MAX_ALIAS} bytes.")));
        }
        let below = self.selection_set(&field.selection_set.node)?;
        let cost = Cost {
            depth: below.depth.saturating_add(1),
            aliases: below.aliases.saturating_add(field.alias.is_some().into()),
            level: 1,
            credentials: tests_credential(field.name.node.as_str()).into(),
            ..below
        };
        Ok(cost.beside(self.arguments(&field.arguments)))
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Cost {
        let each = directives.iter().map(|directive| {
            let arguments = self.arguments(&directive.node.arguments);
            Cost { directives: 1, ..arguments }
        });
        each.fold(Cost::default(), Cost::beside)
    }

    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> Cost {
        let each = arguments.iter().map(|(_, value)| Cost {
            arguments: 1,
            values: self.values(&value.node),
            ..Cost::default()
        });
        each.fold(Cost::default(), Cost::beside)
    }

    fn values(&self, value: &Value) -> u32 {
        let within = match value {
            Value::Variable(name) => self.variables.get(name.as_str()).copied().unwrap_or_default(),
            Value::List(items) => sum(items.iter().map(|item| self.values(item))),
            Value::Object(fields) => sum(fields.values().map(|field| self.values(field))),
            _ => 0,
        };
        within.saturating_add(1)
    }
}

fn too_deep() -> ApiError {
    ApiError::LimitExceeded(format!("The document nests selections more than {MAX_RECURSION} levels deep."))
}

/// Returns the number of values that a value consists of: itself and the values nested in it.
fn count(value: &ConstValue) -> u32 {
    let within = match value {
        ConstValue::List(items) => sum(items.iter().map(count)),
        ConstValue::Object(fields) => sum(fields.values().map(count)),
        _ => 0,
    };
    within.saturating_add(1)
}

fn sum(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}
