//! Metrics of operations: how often each ran, how long it took, and its outcome. The access log uses them too.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use async_graphql::Response;

use super::error_redaction::code;
use crate::{metrics::Metrics, telemetry};

/// The name that operations are counted under if they are malformed or their root field is not in the schema.
const UNKNOWN: &str = "unknown";

tokio::task_local! {
    /// The notes on the operation that this task runs. Operations that run outside of [`measure`] are not counted.
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

/// Runs an operation and measures it.
pub(super) async fn measure(metrics: &Metrics, operation: impl Future<Output = Response>) -> Response {
    let begun = Instant::now();
    let run = async {
        let response = operation.await;
        NOTED.with(|noted| (response, noted.field.take(), noted.refusal.get()))
    };
    let (response, field, refusal) = NOTED.scope(Noted::default(), run).await;
    // errors of async-graphql have no code
    let failed = response.errors.first().map(|error| code(error).unwrap_or("BAD_REQUEST"));
    let outcome = failed.or(refusal).unwrap_or("OK");
    let operation = field.as_deref().unwrap_or(UNKNOWN);
    metrics.observe(operation, outcome, begun.elapsed());
    telemetry::note(|notes| {
        (notes.operation, notes.outcome) = (Some(operation.to_owned()), Some(outcome.to_owned()));
    });
    response
}
