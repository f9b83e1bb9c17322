//! Metrics of operations: how often each ran, how long it took, and its outcome. The access log uses them too.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Instant,
};

use async_graphql::{
    Response, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest},
};

use crate::{app::App, telemetry};

/// The name that operations are counted under if they are malformed or their root field is not in the schema.
const UNKNOWN: &str = "unknown";

tokio::task_local! {
    /// The notes on the operation that this task runs. Operations that run outside of `Measure` are not counted.
    static NOTED: Noted;
}

#[derive(Default)]
struct Noted {
    field: RefCell<Option<String>>,
    refusal: Cell<Option<&'static str>>,
}

/// Notes the root field that the operation is counted under: the first of the `known` fields in alphabetical order.
pub(super) fn note_fields<'f>(known: impl Iterator<Item = &'f str>) {
    let _ = NOTED.try_with(|noted| noted.field.replace(known.min().map(str::to_owned)));
}

/// Notes that the operation was refused with this code.
pub(super) fn note_refusal(code: &'static str) {
    let _ = NOTED.try_with(|noted| noted.refusal.set(Some(code)));
}

/// The extension that measures operations. The schema's data must contain an `Arc<App>`.
#[derive(Clone, Copy, Debug)]
pub struct Measure;

impl ExtensionFactory for Measure {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Measure {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let begun = Instant::now();
        let run = async {
            let response = next.run(ctx).await;
            NOTED.with(|noted| (response, noted.field.take(), noted.refusal.get()))
        };
        let (response, field, refusal) = NOTED.scope(Noted::default(), run).await;
        let code = response.errors.first().map(|error| {
            match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
                Some(Value::String(code)) => code.as_str(),
                // errors of async-graphql have no code
                _ => "BAD_REQUEST",
            }
        });
        let outcome = code.or(refusal).unwrap_or("OK");
        let operation = field.as_deref().unwrap_or(UNKNOWN);
        ctx.data_unchecked::<Arc<App>>().metrics.observe(operation, outcome, begun.elapsed());
        telemetry::note(|notes| {
            (notes.operation, notes.outcome) = (Some(operation.to_owned()), Some(outcome.to_owned()));
        });
        response
    }
}
