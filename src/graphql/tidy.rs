//! The last word on errors, whichever way they leave: few, short, each with a code.
//!
//! Errors of ours have all that. Those of the library are about the request, have no code, may quote the document at any
//! length or a password that stands where it should not, and name what the schema has. Where introspection is off, that is
//! not for strangers: each is put into words of ours, and says where in the document the mistake is.

use std::sync::Arc;

use async_graphql::{
    Response, ServerError, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextSubscribe},
};
use futures_util::{StreamExt, stream::BoxStream};

/// The most errors that one answer tells, and the most characters of each: a long document earns no long answer.
const MAX_ERRORS: usize = 5;
const MAX_MESSAGE: usize = 200;

/// How messages of the library begin, and what becomes of them where nothing of the schema is told.
const REWORDED: [(&str, &str); 13] = [
    ("Unknown field ", "There is no such field"),
    ("Unknown argument ", "There is no such argument"),
    ("Unknown directive ", "There is no such directive"),
    ("Unknown type ", "There is no such type"),
    ("Unknown operation ", "The document has no operation of the name in `operationName`"),
    ("Operation name required", "The document has several operations: name one in `operationName`"),
    ("Invalid value for argument", "The value does not fit its argument"),
    ("Invalid default value", "The default does not fit its variable"),
    ("Variable ", "The variable is not declared, not used, or of the wrong type for its use"),
    (
        "Field \"",
        "The field lacks a required argument or a selection, or has a selection that it must not have",
    ),
    ("Fields \"", "Two fields of one name differ: give one an alias"),
    ("Fragment ", "The fragment cannot be spread here"),
    ("Directive ", "The directive may not stand here, or lacks an argument"),
];
const OTHERWISE: &str = "The document does not fit the schema";

/// The extension.
#[derive(Clone, Copy, Debug)]
pub struct Tidy {
    /// Whether errors may name what the schema has.
    pub tells_schema: bool,
}

impl ExtensionFactory for Tidy {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait::async_trait]
impl Extension for Tidy {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        self.tidy(next.run(ctx).await)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let this = *self;
        next.run(ctx, stream).map(move |response| this.tidy(response)).boxed()
    }
}

impl Tidy {
    fn tidy(self, mut response: Response) -> Response {
        response.errors.truncate(MAX_ERRORS);
        for error in &mut response.errors {
            if code(error).is_none() {
                error.extensions.get_or_insert_default().set("code", "BAD_REQUEST");
                if self.tells_schema {
                    shorten(&mut error.message);
                } else {
                    error.message = reworded(error);
                }
            }
        }
        response
    }
}

/// The `extensions.code` of an error.
#[must_use]
pub fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code") {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

/// Without what was found where something else was expected, and no longer than can be read.
fn shorten(message: &mut String) {
    if let Some(quote) = message.find(", found ") {
        message.truncate(quote);
    }
    if message.chars().count() > MAX_MESSAGE {
        *message = message.chars().take(MAX_MESSAGE).chain(['…']).collect();
    }
}

fn reworded(error: &ServerError) -> String {
    let known = REWORDED.iter().find(|(beginning, _)| error.message.starts_with(beginning));
    let text = known.map_or(OTHERWISE, |(_, text)| text);
    match error.locations.first() {
        Some(at) => format!("{text} (line {}, column {}).", at.line, at.column),
        None => format!("{text}."),
    }
}
