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

/// What is told of an error that is not known better, where nothing of the schema is told.
pub(super) const OTHERWISE: &str = "The document does not fit the schema";

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
