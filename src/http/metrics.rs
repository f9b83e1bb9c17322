//! `/metrics`, on its own address because it is for operators only.

use std::sync::Arc;

use poem::{Response, handler, http::StatusCode, web::Data};

use crate::{
    app::App,
    metrics::Reading,
    storage::{StatementCounts, outbox},
};

/// The version of the format that Prometheus requests by default.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[handler]
pub(super) async fn metrics(Data(app): Data<&Arc<App>>) -> Response {
    let text = match readings(app).await {
        Ok(readings) => app.metrics.render(&readings).ok(),
        Err(fault) => {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "the emails in the outbox could not be counted"
            );
            None
        }
    };
    match text {
        Some(text) => Response::builder().content_type(CONTENT_TYPE).body(text),
        None => StatusCode::SERVICE_UNAVAILABLE.into(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
async fn readings(app: &App) -> Result<Vec<Reading>, crate::fault::Fault> {
    let gauge = |name, help, value: u64| Reading { name, help, value: value as f64, is_total: false };
    let total = |name, help, value: u64| Reading { name, help, value: value as f64, is_total: true };
    let (waiting, failed) =
        (outbox::count_waiting(app.db.read()).await?, outbox::count_failed(app.db.read()).await?);
    let (kept, statements, load) = (app.db.viewer_cache_counts(), app.db.statements(), app.db.load());
    let StatementCounts { count, time } = statements;
    Ok(vec![
        total("hashes", "Password hashes computed", app.passwords.computed()),
        gauge("hash_queue", "Password hashes waiting or being computed", app.passwords.waiting()),
        gauge(
            "hash_queue_limit",
            "Maximum number of waiting password hashes",
            app.config.passwords.hash_queue as u64,
        ),
        gauge("outbox_waiting", "Emails waiting to be sent", waiting),
        gauge("outbox_failed", "Emails given up within the last week", failed),
        total("database_statements", "Statements sent to the database", count),
        Reading {
            name: "database_statement_seconds",
            help: "Time spent on database statements",
            value: time.as_secs_f64(),
            is_total: true,
        },
        gauge(
            "database_connections",
            "Open read connections; on PostgreSQL, all connections",
            load.connections,
        ),
        gauge("database_connections_idle", "Idle database connections", load.idle),
        gauge("database_writes_waiting", "Writes waiting or running", load.writes),
        total("viewer_cache_hits", "Requests whose session and user were cached", kept.hits),
        total("viewer_cache_misses", "Requests that read the session or user from the database", kept.misses),
        total(
            "viewer_cache_doubts",
            "Requests that could not trust the cache and asked the database",
            kept.doubts,
        ),
        gauge("viewer_cache_sessions", "Cached sessions", kept.sessions),
    ])
}
