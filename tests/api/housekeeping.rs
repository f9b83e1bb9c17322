//! Old rows are deleted.

use std::time::Duration;

use gatehouse::{housekeeping::sweep, storage::session};
use rstest::rstest;
use sea_orm::EntityTrait;

use crate::support::{Database, EMAIL, Postgres, Sqlite, TestApp, database::connect};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_are_deleted_a_day_later_and_live_ones_stay(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app =
        TestApp::with(database, &[("REFRESH_TOKEN_TTL", "5d"), ("MAX_SESSIONS_PER_USER", "1000")]).await;
    app.sign_up(EMAIL).await;
    for _ in 0..8 {
        app.sign_in(EMAIL).await;
    }
    let viewer = app.sign_in(EMAIL).await;
    app.run_as(&viewer.access_token, "mutation { logoutAll { endedSessionIds } }", serde_json::json!({}))
        .await;
    let live = app.sign_in(EMAIL).await;
    assert_eq!(sweep(&app.app).await.unwrap(), 0, "sessions are not deleted at once");
    app.advance(Duration::from_hours(25));
    assert!(sweep(&app.app).await.unwrap() >= 10);
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let left = session::Entity::find().all(&rows).await.unwrap();
    assert_eq!(left.iter().map(|row| row.id.to_string()).collect::<Vec<_>>(), [live.session_id]);
}
