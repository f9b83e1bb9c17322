//! Mistakes in documents, and their messages.

use async_graphql::{Pos, ServerError};

use crate::graphql::{
    error::ApiError,
    error_redaction::{OTHERWISE, shorten},
};

/// Texts that identify validation messages, each with the general message that replaces the validation message if errors must not
/// name parts of the schema.
const REWORDED: [(&str, &str); 16] = [
    ("A variable is missing", "A variable is missing or does not match its type"),
    ("syntax error", "Syntax error"),
    ("does not have a field", "This field does not exist"),
    ("is not supported by", "This argument does not exist"),
    ("cannot find directive", "This directive does not exist"),
    ("cannot find type", "This type does not exist"),
    ("is not a type defined", "This type does not exist"),
    ("cannot find fragment", "This fragment does not exist"),
    ("expected value of type", "The value does not match the expected type"),
    ("cannot represent", "The value does not match the expected type"),
    ("does not exist on", "The value does not match the expected type"),
    ("the required", "A required argument or input field is missing"),
    ("subselection", "The field lacks a selection of subfields, or cannot have one"),
    ("variable", "The variable is not declared, not used, or of the wrong type"),
    ("operation must not", "Two fields with the same name differ. Give one an alias"),
    ("fragment", "The fragment cannot be used here, or is not used"),
];

/// A mistake in a document.
#[derive(Debug)]
pub(super) struct Problem {
    message: String,
    /// The position in the text, if known.
    at: Option<Pos>,
    /// Whether the message may name parts of the schema that the document does not mention.
    names_schema: bool,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>, at: Pos) -> Self {
        Self { message: message.into(), at: Some(at), names_schema: false }
    }

    pub(super) fn of_schema(message: String, at: Pos) -> Self {
        Self { message, at: Some(at), names_schema: true }
    }

    pub(super) fn of_variables(detail: &str) -> Self {
        let message = format!("A variable is missing or does not match its type: {detail}");
        Self { message, at: None, names_schema: true }
    }

    /// Returns the error for the client. With `tells_schema`, it may name parts of the schema.
    pub(super) fn into_error(self, tells_schema: bool) -> ServerError {
        let Self { message, at, names_schema } = self;
        let text = if names_schema && !tells_schema { reworded(&message) } else { sentence(&message) };
        let text = match at {
            Some(at) => format!("{text} (line {}, column {}).", at.line, at.column),
            None => format!("{text}."),
        };
        ServerError { locations: at.into_iter().collect(), ..ApiError::BadRequest(text).into() }
    }
}

/// Converts a validation message to a sentence without a period.
fn sentence(message: &str) -> String {
    let mut letters = message.trim_end_matches('.').chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    shorten(&mut text);
    text
}

fn reworded(message: &str) -> String {
    let known = REWORDED.iter().find(|(part, _)| message.contains(part));
    known.map_or(OTHERWISE, |(_, text)| text).to_owned()
}
