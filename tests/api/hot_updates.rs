//! Updates of sessions, budgets and known addresses touch no index, and housekeeping finds the rows by their day.

use std::time::Duration;

use gatehouse::{
    housekeeping::sweep,
    storage::{session, sweep::LOCK},
};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Statement, TransactionTrait};

use crate::{
    rate_limits::{HOME, PROXY},
    support::{
        Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp, database::connect,
    },
};

const DAY: Duration = Duration::from_hours(24);

/// Returns how many updates of a table there were, and how many of them touched no index.
async fn updates(on: &DatabaseConnection, table: &str) -> (i64, i64) {
    let sql = format!("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = '{table}'");
    let row = on.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    (row.try_get("", "n_tup_upd").unwrap(), row.try_get("", "n_tup_hot_upd").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_charges_and_sign_ins_from_known_addresses_touch_no_index() {
    let app = TestApp::with(Postgres, &[NO_VERIFICATION, PROXY]).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let mut people = Vec::new();
    for number in 0..5 {
        people.push((format!("{number}@example.org"), app.sign_up(&format!("{number}@example.org")).await));
    }
    for _ in 0..24 {
        app.advance(Duration::from_hours(1));
        for (email, session) in &mut people {
            for _ in 0..4 {
                *session = SignedIn::from(&app.refresh(&session.refresh_token).await);
            }
            for _ in 0..2 {
                let signed_in = app.login_from(HOME, email, PASSWORD).await;
                assert_eq!(signed_in["__typename"], "AuthPayload");
            }
        }
        sweep(&app.app).await.unwrap();
    }
    // a connection reports its updates a few seconds later
    for (table, least) in [("sessions", 480), ("rate_limits", 200), ("known_addresses", 200)] {
        let mut seen = (0, 0);
        for _ in 0..300 {
            seen = updates(&on, table).await;
            if seen.0 >= least {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (all, hot) = seen;
        assert!(all >= least, "{table}: {all}");
        assert!(hot * 100 >= all * 95, "{table}: {hot} of {all}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_refreshed_session_is_looked_at_again_on_its_new_day(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION, ("REFRESH_TOKEN_TTL", "5d")]).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let row = async || session::Entity::find().one(&on).await.unwrap();
    let mut ada = app.sign_up(EMAIL).await;
    let first = row().await.unwrap().sweep_day;
    app.advance(3 * DAY);
    ada = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(row().await.unwrap().sweep_day, first, "a refresh leaves it alone");
    app.advance(3 * DAY);
    assert_eq!(sweep(&app.app).await.unwrap(), 0);
    assert_eq!(row().await.unwrap().sweep_day, first + 3);
    ada = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    // a session of an older server, which does not know the column
    app.sql("UPDATE sessions SET sweep_day = 0").await;
    sweep(&app.app).await.unwrap();
    assert_eq!(row().await.unwrap().sweep_day, first + 6);
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    app.advance(6 * DAY + Duration::from_hours(1));
    sweep(&app.app).await.unwrap();
    assert_eq!(row().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_sweeps_at_a_time() {
    let app = TestApp::with(Postgres, &[NO_VERIFICATION, ("REFRESH_TOKEN_TTL", "5d")]).await;
    app.sign_up(EMAIL).await;
    app.advance(7 * DAY);
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let other = on.begin().await.unwrap();
    other.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await.unwrap();
    assert_eq!(sweep(&app.app).await.unwrap(), 0);
    other.commit().await.unwrap();
    assert!(sweep(&app.app).await.unwrap() > 0);
}
