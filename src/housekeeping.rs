//! The one task that tidies up while the server runs.

use std::time::Duration;

use crate::{app::App, outbox, sessions};

/// How often it looks.
const EVERY: Duration = Duration::from_mins(10);

/// Runs for ever.
pub async fn run(app: &App) {
    loop {
        match sessions::sweep(app).await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "dead sessions were deleted"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "housekeeping failed; it tries again"
            ),
        }
        match outbox::sweep(app).await {
            Ok(0) => {}
            Ok(deleted) => tracing::debug!(deleted, "settled mails were deleted"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "housekeeping failed; it tries again"
            ),
        }
        tokio::time::sleep(EVERY).await;
    }
}
