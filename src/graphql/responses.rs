//! What happens to every response before it leaves the schema.

use std::sync::Arc;

use async_graphql::{
    Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextSubscribe},
};
use futures_util::{StreamExt, stream::BoxStream};

use super::{error_redaction::redact, measure::measure, unhandled};
use crate::app::App;

/// The extension that measures operations, reports unhandled members and redacts errors. It is one extension and not
/// three, because async-graphql allocates memory for each extension whenever it resolves a field. The schema's data
/// must contain an `Arc<App>`.
#[derive(Clone, Copy, Debug)]
pub struct Responses {
    /// Whether operations are measured.
    pub is_measured: bool,
    /// Whether errors may name parts of the schema.
    pub tells_schema: bool,
}

impl ExtensionFactory for Responses {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait::async_trait]
impl Extension for Responses {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let metrics = &ctx.data_unchecked::<Arc<App>>().metrics;
        let run = next.run(ctx);
        let run = async { if self.is_measured { measure(metrics, run).await } else { run.await } };
        redact(unhandled::report(metrics, run).await, self.tells_schema)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let tells_schema = self.tells_schema;
        next.run(ctx, stream).map(move |response| redact(response, tells_schema)).boxed()
    }
}
