//! Redacts errors before they leave the server, so that they are few and short, and each has a code.
//!
//! Errors of async-graphql have no code. They may quote the document at any length, quote a password that was sent in the
//! wrong argument, or name parts of the schema. If introspection is off, strangers must not learn these names, so each
//! message is replaced by a general one with the location of the mistake.

use async_graphql::{Response, ServerError, Value};

/// The maximum number of errors in a response. A long document must not cause a long response.
const MAX_ERRORS: usize = 5;
/// The maximum length of an error message, in characters.
const MAX_MESSAGE: usize = 200;

/// The general message, without a period.
pub(super) const OTHERWISE: &str = "The document does not match the schema";

/// Redacts the errors of a response. They may name parts of the schema if `tells_schema` is set.
pub(super) fn redact(mut response: Response, tells_schema: bool) -> Response {
    response.errors.truncate(MAX_ERRORS);
    for error in &mut response.errors {
        if code(error).is_none() {
            error.extensions.get_or_insert_default().set("code", "BAD_REQUEST");
            if tells_schema {
                shorten(&mut error.message);
            } else {
                error.message = reworded(error);
            }
        }
    }
    response
}

/// Returns the `extensions.code` of an error.
#[must_use]
pub fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code") {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

/// Cuts the message off before `found`, because the token quoted there may be a secret, and truncates the message to
/// `MAX_MESSAGE` characters.
pub(super) fn shorten(message: &mut String) {
    if let Some(quote) = message.find(", found ") {
        message.truncate(quote);
    }
    if message.chars().count() > MAX_MESSAGE {
        *message = message.chars().take(MAX_MESSAGE).chain(['…']).collect();
    }
}

fn reworded(error: &ServerError) -> String {
    match error.locations.first() {
        Some(at) => format!("{OTHERWISE} (line {}, column {}).", at.line, at.column),
        None => format!("{OTHERWISE}."),
    }
}
