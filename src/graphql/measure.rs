//! How often each operation was asked for, how long it took, and what came of it.

use std::{
    cell::Cell,
    sync::{Arc, OnceLock},
    time::Instant,
};

use async_graphql::{
    Request, Response, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest, NextRequest},
};

use super::limits::{chosen_operation, root_fields};
use crate::app::App;

/// What is counted of operations whose root field is not known: they are not well-formed, or the schema has no such field.
const UNKNOWN: &str = "unknown";

tokio::task_local! {
    /// Why the operation that this task runs was refused.
    static REFUSAL: Cell<Option<&'static str>>;
}

/// Notes that the operation is refused, with the word that programs read.
pub(super) fn note_refusal(code: &'static str) {
    // nobody counts what runs elsewhere
    let _ = REFUSAL.try_with(|refusal| refusal.set(Some(code)));
}

/// Counts operations, as an extension of a schema whose data has an `Arc<App>`.
#[derive(Clone, Copy, Debug)]
pub struct Measure;

impl ExtensionFactory for Measure {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Measured::default())
    }
}

/// One operation.
#[derive(Default)]
struct Measured {
    operation: OnceLock<String>,
}

#[async_trait::async_trait]
impl Extension for Measured {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let begun = Instant::now();
        let run = async {
            let response = next.run(ctx).await;
            (response, REFUSAL.with(Cell::get))
        };
        let (response, refusal) = REFUSAL.scope(Cell::new(None), run).await;
        let code = response.errors.first().map(|error| {
            match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
                Some(Value::String(code)) => code.as_str(),
                _ => "BAD_REQUEST",
            }
        });
        let outcome = code.or(refusal).unwrap_or("OK");
        let operation = self.operation.get().map_or(UNKNOWN, String::as_str);
        ctx.data_unchecked::<Arc<App>>().metrics.observe(operation, outcome, begun.elapsed());
        response
    }

    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let mut request = next.run(ctx, request).await?;
        let name = request.operation_name.clone();
        let document = request.parsed_query()?;
        if let Some(operation) = chosen_operation(document, name.as_deref()) {
            let registry = &ctx.schema_env.registry;
            let roots = [
                Some(&registry.query_type),
                registry.mutation_type.as_ref(),
                registry.subscription_type.as_ref(),
            ];
            let is_known = |field: &&str| {
                field.starts_with("__")
                    || roots.into_iter().flatten().any(|root| {
                        registry.types.get(root).is_some_and(|root| root.field_by_name(field).is_some())
                    })
            };
            // of several, the first by name
            if let Some(field) = root_fields(document, operation).into_iter().filter(is_known).min() {
                let _ = self.operation.set(field.to_owned());
            }
        }
        Ok(request)
    }
}
