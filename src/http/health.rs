//! Health checks: whether the server is alive, and whether it is ready.

use std::{sync::Arc, time::Duration};

use poem::{Response, handler, http::StatusCode, web::Data};
use tokio::{sync::Mutex, time::Instant};

use super::{Leaving, answer};
use crate::{
    app::App,
    config::Readiness as Meaning,
    graphql::error::TopLevelErrorCode,
    storage::Timestamp,
    telemetry::{self, LogLimit, with_causes},
};

/// The cause that is recorded when the server is not ready because it is leaving.
pub(super) const LEAVING: &str = "leaving";

static NOT_READY_LIMIT: LogLimit = LogLimit::new();

/// How long the result of a database check is reused. Without this reuse, anyone could keep the database busy by
/// calling the endpoint.
const FRESH: Duration = Duration::from_millis(500);

/// Responds as long as the process runs.
#[handler]
pub(super) fn live() -> Response {
    ok()
}

/// Responds with 503 if the server is leaving. Unless `READINESS` is `leaving`, also responds with 503 if the database
/// does not accept writes.
#[handler]
pub(super) async fn ready(
    Data(app): Data<&Arc<App>>,
    Data(readiness): Data<&Arc<Readiness>>,
    Data(leaving): Data<&Leaving>,
) -> Response {
    if leaving.has_begun() {
        telemetry::note_cause(LEAVING);
        let message = "The server is shutting down.";
        return answer::refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            TopLevelErrorCode::ServiceUnavailable,
            message,
        );
    }
    if app.config.monitoring.readiness == Meaning::Leaving || readiness.ask(app).await {
        return ok();
    }
    telemetry::note_cause("not_ready");
    let message = "The database is not responding.";
    answer::refusal(StatusCode::SERVICE_UNAVAILABLE, TopLevelErrorCode::ServiceUnavailable, message)
}

/// The latest result of checking the database.
#[derive(Default)]
pub(super) struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    async fn ask(&self, app: &Arc<App>) -> bool {
        let mut last = self.0.clone().lock_owned().await;
        if let Some((asked, is_ready)) = *last
            && asked.elapsed() < FRESH
        {
            return is_ready;
        }
        let app = app.clone();
        // The check runs in a task so that a client cannot interrupt it by disconnecting. An interruption would lose
        // the result and a connection to the database.
        let check = tokio::spawn(async move {
            let answered = app.db.ping(Timestamp(app.clock.now())).await;
            if let Err(fault) = &answered {
                NOT_READY_LIMIT.log(|left_out| {
                    tracing::warn!(error = %with_causes(fault), left_out, "the server is not ready");
                });
            }
            *last = Some((Instant::now(), answered.is_ok()));
            answered.is_ok()
        });
        check.await.unwrap_or(false)
    }
}

fn ok() -> Response {
    Response::builder().content_type("application/json").body(r#"{"status":"ok"}"#)
}
