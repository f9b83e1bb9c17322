//! The endpoint `/metrics`. It has its own address, because it is only for operators.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use poem::{Response, handler, http::StatusCode, web::Data};

use crate::{
    app::App,
    config::{DatabaseEvents, DatabaseUrl},
    fault::Fault,
    metrics::{Reading, process},
    storage::{StatementCounts, Timestamp, outbox},
    telemetry::{LogLimit, with_causes},
};

/// The media type of the response, with the version of the format that Prometheus requests by default.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long to wait for the database. Prometheus waits ten seconds for the whole response, and records no metrics at
/// all if the response is late.
const DATABASE_TIME_LIMIT: Duration = Duration::from_secs(1);

static UNREAD_LIMIT: LogLimit = LogLimit::new();

/// The last known counts of emails in the outbox. They are reported while the database is unavailable.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Option<OutboxCounts>>);

#[derive(Clone, Copy)]
struct OutboxCounts {
    waiting: u64,
    failed: u64,
    oldest: Option<Timestamp>,
}

#[handler]
pub(super) async fn metrics(Data(app): Data<&Arc<App>>, Data(outbox): Data<&Arc<Outbox>>) -> Response {
    let mut readings = readings(app);
    if let Some(counts) = outbox.read(app).await {
        readings.extend(counts.readings(app));
    }
    match app.metrics.render(&readings, &process::readings()) {
        Ok(text) => Response::builder().content_type(CONTENT_TYPE).body(text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into(),
    }
}

impl Outbox {
    /// Returns the current counts or, if they cannot be read, the last known counts. Returns `None` if the database has
    /// been unavailable since the start.
    async fn read(&self, app: &App) -> Option<OutboxCounts> {
        let read = tokio::time::timeout(DATABASE_TIME_LIMIT, OutboxCounts::read(app)).await;
        let read = read.unwrap_or_else(|late| Err(Fault::Unavailable(late.into())));
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(counts) => *last = Some(counts),
            Err(fault) => UNREAD_LIMIT.log(|left_out| {
                tracing::warn!(
                    error = %with_causes(&fault), left_out,
                    "the emails in the outbox could not be counted; the metrics show the last known counts"
                );
            }),
        }
        *last
    }
}

impl OutboxCounts {
    async fn read(app: &App) -> Result<Self, Fault> {
        let on = app.db.read();
        let (waiting, failed) = (outbox::count_waiting(on).await?, outbox::count_failed(on).await?);
        Ok(Self { waiting, failed, oldest: outbox::find_oldest_request(on).await? })
    }

    fn readings(self, app: &App) -> [Reading; 3] {
        let age = self.oldest.map(|oldest| (app.clock.now() - oldest.0).as_seconds_f64());
        [
            gauge("outbox_waiting", "Emails waiting to be sent", self.waiting),
            gauge("outbox_failed", "Emails that Gatehouse gave up on within the last week", self.failed),
            Reading {
                name: "outbox_oldest_seconds",
                help: "Age of the oldest email waiting to be sent",
                value: age.unwrap_or_default().max(0.0),
                is_total: false,
            },
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
fn gauge(name: &'static str, help: &'static str, value: u64) -> Reading {
    Reading { name, help, value: value as f64, is_total: false }
}

fn total(name: &'static str, help: &'static str, value: u64) -> Reading {
    Reading { is_total: true, ..gauge(name, help, value) }
}

fn readings(app: &App) -> Vec<Reading> {
    let (kept, statements, load) = (app.db.viewer_cache_counts(), app.db.statements(), app.db.load());
    let StatementCounts { count, time } = statements;
    let mut readings = vec![
        total("hashes", "Password hashes computed", app.passwords.computed()),
        gauge("hash_queue", "Password hashes waiting or being computed", app.passwords.waiting()),
        gauge(
            "hash_queue_limit",
            "Maximum number of waiting password hashes",
            app.config.passwords.hash_queue as u64,
        ),
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
            "Requests for which the cache could not be trusted and the database was asked",
            kept.doubts,
        ),
        gauge("viewer_cache_sessions", "Cached sessions", kept.sessions),
    ];
    let database = &app.config.database;
    if matches!(database.url, DatabaseUrl::Postgres(_)) && database.events == DatabaseEvents::Notify {
        let hears = app.metrics.hears_events.load(Ordering::Relaxed).into();
        readings.push(gauge("events_heard", "Whether notices from other servers arrive", hears));
    }
    if let Ok(others) = app.metrics.secrets_under_other_keys.load(Ordering::Relaxed).try_into() {
        let help = "Stored secrets that need SECRET_KEY_FALLBACKS";
        readings.push(gauge("secrets_under_fallback_keys", help, others));
    }
    // before the first sweep, there is no time to report
    if let swept @ 1.. = app.metrics.last_sweep.load(Ordering::Relaxed) {
        let help = "When expired rows were last deleted";
        readings.push(gauge("last_sweep_timestamp_seconds", help, swept.unsigned_abs()));
    }
    readings
}
