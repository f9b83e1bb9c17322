//! Whether the server is alive, and whether it can work.

use std::{error::Error, sync::Arc, time::Duration};

use poem::{Response, handler, http::StatusCode, web::Data};
use tokio::{sync::Mutex, time::Instant};

use super::answer;
use crate::{app::App, storage::Timestamp};

/// How long an answer of the database stands: anybody may ask, without end, and must not keep it busy.
const FRESH: Duration = Duration::from_millis(500);

/// Answers as long as the process does.
#[handler]
pub(super) fn live() -> Response {
    ok()
}

/// Answers 503 where the database does not take a write.
#[handler]
pub(super) async fn ready(Data(app): Data<&Arc<App>>, Data(readiness): Data<&Arc<Readiness>>) -> Response {
    if readiness.ask(app).await {
        return ok();
    }
    let message = "The database does not answer.";
    answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message)
}

/// The last answer of the database.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    async fn ask(&self, app: &App) -> bool {
        let mut last = self.0.lock().await;
        if let Some((asked, is_ready)) = *last
            && asked.elapsed() < FRESH
        {
            return is_ready;
        }
        let answered = app.db.ping(Timestamp(app.clock.now())).await;
        if let Err(fault) = &answered {
            tracing::warn!(error = fault as &dyn Error, "the server is not ready");
        }
        *last = Some((Instant::now(), answered.is_ok()));
        answered.is_ok()
    }
}

fn ok() -> Response {
    Response::builder().content_type("application/json").body(r#"{"status":"ok"}"#)
}
