//! The document guard: whatever a document and its variables are, they are checked in time, without a panic and without the
//! stack running out; and what was accepted once is accepted again.
//!
//! The input is a document and, after a NUL, its variables as JSON.

#![no_main]

use std::sync::LazyLock;

use async_graphql::{Request, Variables};
use gatehouse::{
    config::{Config, GraphqlLimits, Mode},
    graphql::jwt_guard::parse,
};
use libfuzzer_sys::fuzz_target;

static LIMITS: LazyLock<GraphqlLimits> = LazyLock::new(|| {
    Config::load(Mode::Command, &Default::default()).expect("every default is accepted").graphql_limits
});

fuzz_target!(|text: &str| {
    let (document, variables) = text.split_once('\0').unwrap_or((text, ""));
    let variables = || serde_json::from_str(variables).map(Variables::from_json).unwrap_or_default();
    let mut request = Request::new(document).variables(variables());
    let first = parse(&mut request, &LIMITS);
    let mut again = Request::new(document).variables(variables());
    assert_eq!(first.is_ok(), parse(&mut again, &LIMITS).is_ok());
    if let Err(refusal) = first {
        assert!(refusal.message.len() < 300, "a refusal is short: {}", refusal.message);
    }
});
