//! Whether the server is alive, and whether it can work.

use std::sync::Arc;

use poem::{Response, handler, http::StatusCode, web::Data};

use super::answer;
use crate::app::App;

/// Answers as long as the process does.
#[handler]
pub(super) fn live() -> Response {
    ok()
}

/// Answers 503 where the database does not answer.
#[handler]
pub(super) async fn ready(Data(app): Data<&Arc<App>>) -> Response {
    if app.db.ping().await.is_ok() {
        return ok();
    }
    let message = "The database does not answer.";
    answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message)
}

fn ok() -> Response {
    Response::builder().content_type("application/json").body(r#"{"status":"ok"}"#)
}
