//! How often each operation was asked for, how long it took, and what came of it.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Instant,
};

use async_graphql::{
    Response, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest},
};

use crate::app::App;

/// What is counted of operations whose root field is not known: they are not well-formed, or the schema has no such field.
const UNKNOWN: &str = "unknown";

tokio::task_local! {
    /// What is known so far of the operation that this task runs. Nobody counts what runs elsewhere.
    static NOTED: Noted;
}

#[derive(Default)]
struct Noted {
    field: RefCell<Option<String>>,
    refusal: Cell<Option<&'static str>>,
}

/// Notes the root field by which the operation is counted: of several that the schema knows, the first by name.
pub(super) fn note_fields<'f>(known: impl Iterator<Item = &'f str>) {
    let _ = NOTED.try_with(|noted| noted.field.replace(known.min().map(str::to_owned)));
}

/// Notes that the operation is refused, with the word that programs read.
pub(super) fn note_refusal(code: &'static str) {
    let _ = NOTED.try_with(|noted| noted.refusal.set(Some(code)));
}

/// Counts operations, as an extension of a schema whose data has an `Arc<App>`.
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
                // the library's own have none
                _ => "BAD_REQUEST",
            }
        });
        let outcome = code.or(refusal).unwrap_or("OK");
        let operation = field.as_deref().unwrap_or(UNKNOWN);
        ctx.data_unchecked::<Arc<App>>().metrics.observe(operation, outcome, begun.elapsed());
        response
    }
}
