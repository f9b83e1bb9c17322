//! The limits on documents, which are checked before validation.

use std::fmt::Display;

use async_graphql::{Variables, parser::types::ExecutableDocument};

use super::{
    cost::{Cost, Walk},
    nesting::nesting,
};
use crate::{config::GraphqlLimits, graphql::error::ApiError};

/// Checks the text of a document. This check must run before any parser, because parsers recurse into nested brackets.
///
/// # Errors
/// Fails with [`ApiError::LimitExceeded`] if the text is too long or nested too deeply.
pub fn check_text(text: &str, limits: &GraphqlLimits) -> Result<(), ApiError> {
    at_most(text.len(), limits.bytes, "bytes of document", "BYTES")?;
    at_most(nesting(text), limits.nesting, "levels of brackets", "NESTING")
}

/// Checks every operation of a parsed document, because validation walks all of them.
///
/// # Errors
/// Fails with [`ApiError::LimitExceeded`] if a limit is exceeded, or with [`ApiError::BadRequest`] if a fragment is missing,
/// unused or part of a cycle.
pub fn check_document(
    document: &ExecutableDocument,
    variables: &Variables,
    limits: &GraphqlLimits,
) -> Result<(), ApiError> {
    at_most(document.operations.iter().count(), limits.operations, "operations", "OPERATIONS")?;
    at_most(document.fragments.len(), limits.fragments, "fragments", "FRAGMENTS")?;
    let mut walk = Walk::new(document, variables);
    let mut whole = Cost { values: walk.variable_values(), ..Cost::default() };
    for (_, operation) in document.operations.iter() {
        at_most(operation.node.variable_definitions.len(), limits.variables, "variables", "VARIABLES")?;
        let cost = walk.operation(&operation.node)?;
        at_most(cost.level, limits.root_fields, "root fields", "ROOT_FIELDS")?;
        if cost.credentials > 1 {
            let message = "An operation can test only one credential. Send a separate request for each.";
            return Err(ApiError::LimitExceeded(message.to_owned()));
        }
        whole = whole.beside(cost);
    }
    // validation would refuse unused fragments too, but only after a slow pairwise comparison of their fields
    if document.fragments.keys().any(|name| !walk.has_walked(name)) {
        return Err(ApiError::BadRequest(
            "The document defines a fragment that no operation uses.".to_owned(),
        ));
    }
    at_most(whole.fields, limits.fields, "fields", "FIELDS")?;
    at_most(whole.aliases, limits.aliases, "aliases", "ALIASES")?;
    at_most(whole.directives, limits.directives, "directives", "DIRECTIVES")?;
    at_most(whole.arguments, limits.arguments, "arguments", "ARGUMENTS")?;
    at_most(whole.values, limits.values, "values", "VALUES")?;
    at_most(whole.depth, limits.depth, "levels of fields", "DEPTH")
}

fn at_most<N: Copy + PartialOrd + Display>(
    counted: N,
    most: N,
    what: &str,
    setting: &str,
) -> Result<(), ApiError> {
    if counted <= most {
        return Ok(());
    }
    Err(ApiError::LimitExceeded(format!("More than {most} {what} (GRAPHQL_MAX_{setting}).")))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::*;
    use crate::config::{Config, Mode};

    fn limits() -> GraphqlLimits {
        Config::load(Mode::Command, &crate::config::Variables::default()).unwrap().graphql_limits
    }

    fn check(text: &str) -> Result<(), ApiError> {
        check_text(text, &limits())?;
        check_document(&parse_query(text).unwrap(), &async_graphql::Variables::default(), &limits())
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
                format!(
                    "{{b{{{}}}}}{}",
                    numbered(20, |i| format!("...F{i} ")),
                    numbered(20, |i| format!("fragment F{i} on Q{{a}}"))
                ),
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
    fn arguments_values_and_operations_are_limited_too() {
        let numbered = |times: usize, line: fn(usize) -> String| (0..times).map(line).collect::<String>();
        for (below, above, name) in [
            (
                format!("{{a({})}}", numbered(100, |i| format!("b{i}:1 "))),
                format!("{{a({})}}", numbered(101, |i| format!("b{i}:1 "))),
                "GRAPHQL_MAX_ARGUMENTS).",
            ),
            (
                format!("{{a(b:[{}])}}", "1 ".repeat(999)),
                format!("{{a(b:[{}])}}", "1 ".repeat(1000)),
                "GRAPHQL_MAX_VALUES).",
            ),
            (
                numbered(20, |i| format!("query Q{i}{{a}}")),
                numbered(21, |i| format!("query Q{i}{{a}}")),
                "GRAPHQL_MAX_OPERATIONS).",
            ),
            (
                format!("query($v:[Int]=[{}]){{a(b:[{}])}}", "1 ".repeat(30), "$v ".repeat(29)),
                format!("query($v:[Int]=[{}]){{a(b:[{}])}}", "1 ".repeat(40), "$v ".repeat(29)),
                "GRAPHQL_MAX_VALUES).",
            ),
        ] {
            assert_eq!(check(&below), Ok(()), "{name}");
            assert_eq!(setting(check(&above)), name);
        }
        let document = parse_query("query($v:[Int]){a(b:[$v $v $v $v])}").unwrap();
        for (values, is_right) in [(199, true), (200, false)] {
            let variables = serde_json::json!({ "v": vec![0; values - 1] });
            let checked = check_document(&document, &Variables::from_json(variables), &limits());
            assert_eq!(checked.is_ok(), is_right, "{values} values, used four times");
        }
    }

    #[test]
    fn what_costs_nothing_itself_is_counted_all_the_same() {
        let mut to_nowhere = "{...F0 __typename}".to_owned();
        for level in 0..12 {
            write!(to_nowhere, "fragment F{level} on Query{{...F{0} ...F{0} ...F{0} ...F{0}}}", level + 1)
                .unwrap();
        }
        assert!(matches!(
            check(&format!("{to_nowhere} fragment F12 on Query{{...X}}")),
            Err(ApiError::BadRequest(_))
        ));
        let inline = format!("{{{}}}", "...{a} ".repeat(301));
        assert_eq!(setting(check(&inline)), "GRAPHQL_MAX_ROOT_FIELDS).");
        let below = format!("{{a{{{}}}}}", "...{a} ".repeat(300));
        assert_eq!(setting(check(&below)), "GRAPHQL_MAX_FIELDS).");
    }

    #[test]
    fn selections_lie_within_each_other_32_deep_at_most_through_fragments() {
        let chain = |inline: usize| {
            let nested = |inside: &str| format!("{}{inside}{}", "...{".repeat(inline), "}".repeat(inline));
            let mut text = format!("{{{}}}", nested("...F0"));
            for level in 0..2 {
                write!(text, "fragment F{level} on Query{{{}}}", nested(&format!("...F{}", level + 1)))
                    .unwrap();
            }
            format!("{text} fragment F2 on Query{{a{{a}}}}")
        };
        assert_eq!(check(&chain(9)), Ok(()));
        assert!(matches!(check(&chain(10)), Err(ApiError::LimitExceeded(_))));
        // the cost of the fragment is already known when it is spread at the greater depth
        let again = |inline: usize| {
            let nested = |inside: &str| format!("{}{inside}{}", "...{".repeat(inline), "}".repeat(inline));
            format!("{{a{{...F {}}}}} fragment F on Q{{{}}}", nested("...F"), nested("a"))
        };
        assert_eq!(check(&again(14)), Ok(()));
        assert!(matches!(check(&again(15)), Err(ApiError::LimitExceeded(_))));
    }

    #[test]
    fn a_fragment_that_no_operation_spreads_is_refused() {
        for text in ["{a} fragment F on Query{a}", "{a} fragment F on Query{...G} fragment G on Query{a}"] {
            assert!(matches!(check(text), Err(ApiError::BadRequest(_))), "{text}");
        }
    }

    #[test]
    fn an_alias_has_64_bytes_at_most() {
        assert_eq!(check(&format!("{{{}:a}}", "b".repeat(64))), Ok(()));
        assert!(matches!(check(&format!("{{{}:a}}", "b".repeat(65))), Err(ApiError::LimitExceeded(_))));
    }

    #[test]
    fn directives_count_wherever_they_stand() {
        for text in [
            format!("query{} {{a}}", "@b".repeat(21)),
            format!("query($v:Int{}) {{a}}", "@b".repeat(21)),
            format!("{{... {} {{a}}}}", "@b".repeat(21)),
            format!("{{...F{}}} fragment F on Q {{a}}", "@b".repeat(21)),
            format!("{{...F}} fragment F on Q {} {{a}}", "@b".repeat(21)),
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
    fn fragments_in_a_circle_are_refused() {
        for text in [
            "{...A} fragment A on Query{...B} fragment B on Query{...A}",
            "{...A} fragment A on Query{b{...A}}",
        ] {
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
        assert_eq!(check("mutation{login{login} logout}"), Ok(()), "below the root, it is just a field");
    }
}
