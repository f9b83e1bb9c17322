//! The document guard: what a document may ask for, decided before validation and in linear time.
//!
//! Validation and execution expand fragments: 921 bytes of fragments that spread each other twice took a server's memory.
//! So every fragment is costed once, and what it costs is added up where it is spread.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};

use super::{error::ApiError, nesting::nesting};
use crate::config::GraphqlLimits;

/// Fields that try a credential. An operation selects one of them at most, and once: an operation of two hundred aliased
/// logins is two hundred guesses.
const CREDENTIAL_FIELDS: [&str; 9] = [
    "signup",
    "login",
    "refresh",
    "verifyOtp",
    "activateAccount",
    "resetPassword",
    "changePassword",
    "googleLogin",
    "linkGoogle",
];

/// Checks the text of a document. This must come before every parse: the parser recurses on values without a limit, and
/// 3 kB of nested lists overflow its stack, which ends the process.
///
/// # Errors
/// [`ApiError::LimitExceeded`].
pub fn check_text(text: &str, limits: &GraphqlLimits) -> Result<(), ApiError> {
    if text.len() > limits.bytes {
        return Err(exceeded("The document is longer than", limits.bytes, "bytes", "GRAPHQL_MAX_BYTES"));
    }
    if nesting(text) > limits.nesting {
        let most = limits.nesting;
        return Err(exceeded(
            "The document nests brackets deeper than",
            most,
            "levels",
            "GRAPHQL_MAX_NESTING",
        ));
    }
    Ok(())
}

/// Checks a parsed document: all of it, for validation walks all of it.
///
/// # Errors
/// [`ApiError::LimitExceeded`], or [`ApiError::BadRequest`] where fragments go round in a circle.
pub fn check_document(document: &ExecutableDocument, limits: &GraphqlLimits) -> Result<(), ApiError> {
    if document.fragments.len() > limits.fragments {
        return Err(exceeded(
            "The document defines more than",
            limits.fragments,
            "fragments",
            "GRAPHQL_MAX_FRAGMENTS",
        ));
    }
    let mut walk = Walk { document, known: HashMap::new() };
    let mut whole = Cost::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        if operation.variable_definitions.len() > limits.variables {
            let most = limits.variables;
            return Err(exceeded(
                "An operation defines more than",
                most,
                "variables",
                "GRAPHQL_MAX_VARIABLES",
            ));
        }
        let mut cost = walk.selection_set(&operation.selection_set.node)?;
        if cost.level > limits.root_fields {
            let most = limits.root_fields;
            return Err(exceeded(
                "An operation selects more than",
                most,
                "root fields",
                "GRAPHQL_MAX_ROOT_FIELDS",
            ));
        }
        if cost.credentials > 1 {
            let message = "An operation may try one credential only: send one request for each.";
            return Err(ApiError::LimitExceeded(message.to_owned()));
        }
        let definitions =
            operation.variable_definitions.iter().map(|variable| variable.node.directives.len());
        cost.add_directives(operation.directives.len() + definitions.sum::<usize>());
        whole = whole.beside(cost);
    }
    // fragments that nothing spreads are walked by validation too
    for name in document.fragments.keys() {
        whole = whole.at_least(walk.fragment(name)?);
    }
    for (counted, most, what, setting) in [
        (whole.fields, limits.fields, "fields", "GRAPHQL_MAX_FIELDS"),
        (whole.aliases, limits.aliases, "aliases", "GRAPHQL_MAX_ALIASES"),
        (whole.directives, limits.directives, "directives", "GRAPHQL_MAX_DIRECTIVES"),
    ] {
        if counted > most {
            return Err(exceeded("The document has more than", most, what, setting));
        }
    }
    if whole.depth > limits.depth {
        return Err(exceeded(
            "The document nests fields deeper than",
            limits.depth,
            "levels",
            "GRAPHQL_MAX_DEPTH",
        ));
    }
    Ok(())
}

/// The names of the root fields that an operation selects, through fragments, whatever `@skip` and `@include` say: those
/// are judged by variables, and a field that might run must be allowed to.
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

/// The operation that will run, chosen as async-graphql chooses it. None: it will refuse the request itself.
#[must_use]
pub fn chosen_operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|found| &found.node)
        }
        (DocumentOperations::Multiple(operations), None) => Some(operations.values().next())
            .filter(|_| operations.len() == 1)
            .flatten()
            .map(|only| &only.node),
    }
}

fn exceeded(what: &str, most: impl std::fmt::Display, unit: &str, setting: &str) -> ApiError {
    ApiError::LimitExceeded(format!("{what} {most} {unit} ({setting})."))
}

/// What a selection set costs, fragments expanded. Sums saturate, so that a bomb cannot overflow them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    fields: u32,
    depth: u32,
    directives: u32,
    aliases: u32,
    /// Fields of this level alone.
    level: u32,
    /// Fields of this level alone that try a credential.
    credentials: u32,
}

impl Cost {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            directives: self.directives.saturating_add(other.directives),
            aliases: self.aliases.saturating_add(other.aliases),
            level: self.level.saturating_add(other.level),
            credentials: self.credentials.saturating_add(other.credentials),
        }
    }

    fn at_least(self, other: Self) -> Self {
        Self {
            fields: self.fields.max(other.fields),
            depth: self.depth.max(other.depth),
            directives: self.directives.max(other.directives),
            aliases: self.aliases.max(other.aliases),
            ..self
        }
    }

    fn add_directives(&mut self, count: usize) {
        self.directives = self.directives.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    /// None while a fragment is being costed: it must not spread itself.
    known: HashMap<&'d Name, Option<Cost>>,
}

impl<'d> Walk<'d> {
    fn selection_set(&mut self, set: &'d SelectionSet) -> Result<Cost, ApiError> {
        set.items.iter().try_fold(Cost::default(), |sum, selection| {
            let (mut cost, directives) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let below = self.selection_set(&field.selection_set.node)?;
                    let cost = Cost {
                        fields: below.fields.saturating_add(1),
                        depth: below.depth.saturating_add(1),
                        aliases: below.aliases.saturating_add(field.alias.is_some().into()),
                        level: 1,
                        credentials: CREDENTIAL_FIELDS.contains(&field.name.node.as_str()).into(),
                        ..below
                    };
                    (cost, &field.directives)
                }
                Selection::InlineFragment(inline) => {
                    (self.selection_set(&inline.node.selection_set.node)?, &inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    (self.fragment(&spread.node.fragment_name.node)?, &spread.node.directives)
                }
            };
            cost.add_directives(directives.len());
            Ok(sum.beside(cost))
        })
    }

    fn fragment(&mut self, name: &'d Name) -> Result<Cost, ApiError> {
        match self.known.get(name) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => {
                return Err(ApiError::BadRequest("Fragments spread each other in a circle.".to_owned()));
            }
            None => {}
        }
        // validation names a fragment that there is not
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Cost::default()) };
        self.known.insert(name, None);
        let mut cost = self.selection_set(&fragment.node.selection_set.node)?;
        cost.add_directives(fragment.node.directives.len());
        self.known.insert(name, Some(cost));
        Ok(cost)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::*;
    use crate::config::{Config, Mode, Variables};

    fn limits() -> GraphqlLimits {
        Config::load(Mode::Command, &Variables::default()).unwrap().graphql_limits
    }

    fn check(text: &str) -> Result<(), ApiError> {
        check_text(text, &limits())?;
        check_document(&parse_query(text).unwrap(), &limits())
    }

    fn setting(result: Result<(), ApiError>) -> String {
        match result {
            Err(ApiError::LimitExceeded(message)) => message.rsplit('(').next().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_limit_holds_just_above_and_not_just_below() {
        let repeat = |times: usize, text: &str| text.repeat(times);
        let numbered = |times: usize, line: fn(usize) -> String| (0..times).map(line).collect::<String>();
        let nested = |depth: usize| format!("a{}{}", repeat(depth - 1, "{a"), repeat(depth - 1, "}"));
        for (below, above, name) in [
            (
                format!("{{a #{}\n}}", repeat(16_378, "x")),
                format!("{{a #{}\n}}", repeat(16_379, "x")),
                "GRAPHQL_MAX_BYTES).",
            ),
            (
                format!("{{a(b:{}{})}}", repeat(62, "["), repeat(62, "]")),
                format!("{{a(b:{}{})}}", repeat(63, "["), repeat(63, "]")),
                "GRAPHQL_MAX_NESTING).",
            ),
            (format!("{{{}}}", nested(15)), format!("{{{}}}", nested(16)), "GRAPHQL_MAX_DEPTH)."),
            (
                format!("{{a{{{}}}}}", repeat(599, "b ")),
                format!("{{a{{{}}}}}", repeat(600, "b ")),
                "GRAPHQL_MAX_FIELDS).",
            ),
            ("{a b c d e}".to_owned(), "{a b c d e f}".to_owned(), "GRAPHQL_MAX_ROOT_FIELDS)."),
            (
                format!("{{a{{{}}}}}", numbered(30, |i| format!("b{i}:b "))),
                format!("{{a{{{}}}}}", numbered(31, |i| format!("b{i}:b "))),
                "GRAPHQL_MAX_ALIASES).",
            ),
            (
                format!("{{a{}}}", repeat(20, "@b")),
                format!("{{a{}}}", repeat(21, "@b")),
                "GRAPHQL_MAX_DIRECTIVES).",
            ),
            (
                format!("{{a}}{}", numbered(20, |i| format!("fragment F{i} on Q{{a}}"))),
                format!("{{a}}{}", numbered(21, |i| format!("fragment F{i} on Q{{a}}"))),
                "GRAPHQL_MAX_FRAGMENTS).",
            ),
            (
                format!("query({}){{a}}", numbered(50, |i| format!("$v{i}:Int "))),
                format!("query({}){{a}}", numbered(51, |i| format!("$v{i}:Int "))),
                "GRAPHQL_MAX_VARIABLES).",
            ),
        ] {
            assert_eq!(check(&below), Ok(()), "{name}");
            assert_eq!(setting(check(&above)), name);
        }
    }

    #[test]
    fn directives_count_wherever_they_stand() {
        for text in [
            format!("query{} {{a}}", "@b".repeat(21)),
            format!("query($v:Int{}) {{a}}", "@b".repeat(21)),
            format!("{{... {} {{a}}}}", "@b".repeat(21)),
            format!("{{...F{}}} fragment F on Q {{a}}", "@b".repeat(21)),
            format!("{{a}} fragment F on Q {} {{a}}", "@b".repeat(21)),
        ] {
            assert_eq!(setting(check(&text)), "GRAPHQL_MAX_DIRECTIVES).", "{text}");
        }
    }

    #[test]
    fn fragments_that_fan_out_are_costed_once_each() {
        for (levels, spreads) in [(10, 2), (18, 2), (3, 60)] {
            let mut text = "{...F0}".to_owned();
            for level in 0..levels {
                let spread = format!("...F{} ", level + 1).repeat(spreads);
                write!(text, "fragment F{level} on Query{{{spread}}}").unwrap();
            }
            write!(text, "fragment F{levels} on Query{{a}}").unwrap();
            assert_eq!(setting(check(&text)), "GRAPHQL_MAX_ROOT_FIELDS).");
        }
    }

    #[test]
    fn fragments_in_a_circle_are_refused_even_where_nothing_spreads_them() {
        for text in
            ["{...A} fragment A on Query{...B} fragment B on Query{...A}", "{a} fragment A on Query{b{...A}}"]
        {
            assert!(matches!(check(text), Err(ApiError::BadRequest(_))), "{text}");
        }
    }

    #[test]
    fn an_operation_tries_one_credential_however_it_is_written() {
        for text in [
            "mutation{a:login b:login}",
            "mutation{login login}",
            "mutation{login signup}",
            "mutation{...F ...F} fragment F on Mutation{login}",
            "mutation{login ...{refresh}}",
            "mutation A{logout} mutation B{login login}",
        ] {
            assert!(matches!(check(text), Err(ApiError::LimitExceeded(_))), "{text}");
        }
        assert_eq!(check("mutation{login{login} logout}"), Ok(()), "deeper down it is a field of that name");
    }

    #[test]
    fn root_fields_are_found_through_fragments() {
        let text = "query Q{a ...F ...on Query{b @skip(if:true)}} fragment F on Query{x:c d{e} ...F}";
        let document = parse_query(text).unwrap();
        let operation = chosen_operation(&document, Some("Q")).unwrap();
        assert_eq!(root_fields(&document, operation), HashSet::from(["a", "b", "c", "d"]));
        assert!(chosen_operation(&document, Some("R")).is_none());
    }
}
