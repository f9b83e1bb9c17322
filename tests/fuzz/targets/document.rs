//! The document guard: any document with any variables is checked in time, without a panic or a stack overflow, and a
//! document that was accepted once is accepted again.
//!
//! The input is a document and, after a NUL, its variables as JSON.

#![no_main]

use std::sync::LazyLock;

use async_graphql::Variables;
use gatehouse::{
    config::{Config, GraphqlLimits, Mode},
    graphql::{guard::documents::Documents, sdl},
};
use libfuzzer_sys::fuzz_target;

static LIMITS: LazyLock<GraphqlLimits> = LazyLock::new(|| {
    Config::load(Mode::Command, &Default::default()).expect("the defaults should be valid").graphql_limits
});

static DOCUMENTS: LazyLock<Documents> =
    LazyLock::new(|| Documents::new(&sdl(), true).expect("a valid schema"));

fuzz_target!(|text: &str| {
    let (document, variables) = text.split_once('\0').unwrap_or((text, ""));
    let variables = || serde_json::from_str(variables).map(Variables::from_json).unwrap_or_default();
    let first = DOCUMENTS.judge(document, &variables(), &LIMITS);
    assert_eq!(first.is_ok(), DOCUMENTS.judge(document, &variables(), &LIMITS).is_ok());
    let coerced = first.and_then(|document| DOCUMENTS.coerce(&document, None, variables()));
    if let Err(refusal) = coerced {
        assert!(refusal.message.len() < 900, "the message is too long: {}", refusal.message);
    }
});
